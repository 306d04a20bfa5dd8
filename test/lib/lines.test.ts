import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { linesOf } from "../../src/lib/lines.ts";

it("gives lines that end with a line feed, whatever chunks they lie in", async () => {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-lines-"));
  const path = join(folder, "lines");
  try {
    // Longer than several chunks, of two bytes a letter; ends that others know are none.
    const long = "\u00e9".repeat(200_001);
    for (const lines of [[long, "", "a\u2028b\rc", long, "end"], ["one"], []]) {
      for (const end of ["", "\n"]) {
        await writeFile(path, lines.join("\n") + (lines.length > 0 ? end : ""));
        const found: string[] = [];
        for await (const some of linesOf(path)) found.push(...some);
        expect(found).toEqual(lines);
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
