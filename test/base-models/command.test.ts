import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { readConfig } from "../../src/config.ts";
import { modelCommand } from "../../src/main/model.ts";
import { keysBelow, localTestStore } from "../helpers/objects.ts";
import { archiveOf, pickleOf, unicode } from "../helpers/torch-files.ts";

let storage: Awaited<ReturnType<typeof localTestStore>>;
beforeEach(async () => {
  storage = await localTestStore();
});
afterEach(() => storage.close());

/** `npm run model -- ...argv`: its exit code and what it printed. */
async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const printed = { out: "", err: "" };
  const code = await modelCommand(argv, readConfig({ DATA_DIR: storage.dir }), {
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
  });
  return { code, ...printed };
}

test("import says what a file was, and list shows it beside the built-in model", async () => {
  const path = join(storage.dir, "decoder.safetensors");
  await writeFile(path, encodeSafetensors(await baseModel("mobile_sam").decoderWeights()));
  const argv = ["import", path, "--name", "mine", "--encoder", "mobile_sam", "--licence", "Our own"];
  const imported = await run(...argv);
  expect(imported).toMatchObject({ code: 0, err: "" });
  expect(imported.out).toContain(
    "Imported mine: tiny_vit, 4.1 million weights, from safetensors, Meta's names",
  );
  expect(imported.out).toContain("The file does not say whether its decoder wants windows");
  expect((await run(...argv)).out).toContain("Already there: mine");
  const { out } = await run("list");
  expect(
    out
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/).slice(0, 4)),
  ).toEqual([
    ["name", "type", "weights", "from"],
    ["mobile_sam", "tiny_vit", "built in", expect.stringContaining("MobileSAM")],
    ["mine", "tiny_vit", "4.1 M", "safetensors, Meta's names"],
  ]);
});

test("import names what a base model loses of the version that a file was exported from, with its scores", async () => {
  const path = join(storage.dir, "decoder.safetensors");
  const facts = {
    made_by: "maskwright",
    focus: JSON.stringify({
      zoom: { context: 1.5, tiles: 2, click_side: 90 },
      refine: { radius: 4, epsilon: 1e-3, threshold: 0.5 },
    }),
    scores: JSON.stringify({ images: 8, as_served_mean_iou: 0.721, decoder_alone_mean_iou: 0.377 }),
  };
  await writeFile(path, encodeSafetensors(await baseModel("mobile_sam").decoderWeights(), facts));
  const argv = ["import", path, "--name", "stamps", "--encoder", "mobile_sam"];
  const lost =
    "lost of the version in the file are the window round each prompt and its tiles and the guided filter. " +
    "Mean IoU on the version's 8 held-out images: 0.377 for the decoder alone, 0.721 as served.";
  expect((await run(...argv)).out).toContain(lost);
  // It is known of the model later, too.
  expect((await run(...argv)).out).toContain(lost);
});

test("a refused file is told by its reason, and nothing is stored", async () => {
  const path = join(storage.dir, "evil.pth");
  await writeFile(
    path,
    await archiveOf({ "data.pkl": pickleOf("cposix\nsystem\n", unicode("true"), 0x85, "R") }),
  );
  const { code, out, err } = await run("import", path, "--name", "evil");
  expect([code, out]).toEqual([1, ""]);
  expect(err).toMatch(/^Not imported \(foreign_global\): the pickle asks for "posix\.system"/);
  expect(await keysBelow(storage.store, "")).toEqual([]);
});

test.each([
  [[]],
  [["import"]],
  [["import", "x.pth"]],
  [["list", "x"]],
  [["sell"]],
  [["import", "x", "--nome", "y"]],
])("%j is not understood: usage, and exit code 2", async (argv) => {
  const { code, err } = await run(...argv);
  expect(code).toBe(2);
  expect(err).toContain("npm run model -- import FILE");
});
