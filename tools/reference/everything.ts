/** Writes test/parity/reference/everything.json: what Meta's generator finds in the drawn scene. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { usageOr } from "../../src/main/shared/usage.ts";
import { makeReference } from "../../test/worlds/everything-reference.ts";

usageOr("usage: node tools/reference/everything.ts [--python PATH] [--meta PATH]", {
  options: { python: { type: "string" }, meta: { type: "string" } },
});
const { values } = parseArgs({
  options: { python: { type: "string", default: "python3" }, meta: { type: "string" } },
});
const file = resolve(import.meta.dirname, "../../test/parity/reference/everything.json");
const reference = await makeReference({ python: values.python, meta: values.meta });
await writeFile(file, `${JSON.stringify(reference, null, 2)}\n`);
