import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeImage } from "../../src/imaging/decode.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { sha256 } from "../../src/lib/hash.ts";
import type { Row } from "./report.ts";
import { floats } from "../lib/values.ts";

interface PeerPrompt {
  readonly box?: [number, number, number, number];
  readonly points?: [number, number, number][];
  readonly multimask: boolean;
  readonly scores: number[];
}
interface PeerImage {
  readonly image: string;
  readonly size: [number, number];
  /** SHA-256 of the RGB pixels that the peer saw. */
  readonly pixels: string;
  readonly prompts: PeerPrompt[];
}

/** Whole predictions from the image's bytes: logits, scores and masks at the original size. */
export async function comparePredictions(options: {
  peers: string;
  data: string;
  inference: Inference;
  stage: string;
  peer: string;
  baseModel: string;
}): Promise<Row[]> {
  const { peers, data, inference, stage, peer, baseModel } = options;
  const { images } = JSON.parse(readFileSync(join(peers, `${stage}.json`), "utf8")) as {
    images: PeerImage[];
  };
  const lows = floats(peers, { file: `${stage}.low.f32`, shape: [] });
  const bits = readFileSync(join(peers, `${stage}.masks.bits`));
  const ious: number[] = [];
  const [logits, scores] = [
    { absolute: 0, largest: 0, relative: 0 },
    { absolute: 0, largest: 0, relative: 0 },
  ];
  const watch = (into: typeof logits, own: number, their: number): void => {
    into.absolute = Math.max(into.absolute, Math.abs(own - their));
    into.largest = Math.max(into.largest, Math.abs(their));
  };
  let [low, bit, samePixels, prompts] = [0, 0, 0, 0];
  for (const image of images) {
    const bytes = readFileSync(join(data, image.image));
    const decoded = await decodeImage(bytes, { maxPixels: 64_000_000 });
    if (sha256(decoded.data) === image.pixels) samePixels++;
    const [height, width] = image.size;
    const maskBytes = Math.ceil((height * width) / 8);
    for (const prompt of image.prompts) {
      prompts++;
      const result = await inference.predict({
        workspaceId: "ws_1",
        baseModel,
        image: { sha256: sha256(bytes), bytes: async () => bytes },
        versions: [{ number: 0 }],
        prompts: [{ box: prompt.box, points: prompt.points }],
        multimask: prompt.multimask,
        format: "rle",
        lowRes: true,
      });
      const masks = result.results[0]?.predictions[0]?.masks ?? [];
      for (const [i, answer] of masks.entries()) {
        if (!answer.lowRes || answer.mask.format !== "rle") throw new Error("no logits in the answer");
        const own = new Float32Array(new Uint8Array(Buffer.from(answer.lowRes.data, "base64")).buffer);
        for (let k = 0; k < 65536; k++) watch(logits, own[k] as number, lows[low + k] as number);
        watch(scores, answer.score, prompt.scores[i] as number);
        low += 65536;
        const mask = decodeRle(answer.mask).data;
        let [both, either] = [0, 0];
        for (let k = 0; k < mask.length; k++) {
          const theirs = ((bits[bit + (k >> 3)] as number) >> (7 - (k & 7))) & 1;
          both += (mask[k] as number) & theirs;
          either += (mask[k] as number) | theirs;
        }
        bit += maskBytes;
        ious.push(either === 0 ? 1 : both / either);
      }
    }
  }
  const on = `${images.length} real images (${samePixels} decoded alike to the bit), ${prompts} prompts, ${ious.length} masks`;
  const whole = { peer, on };
  logits.relative = logits.absolute / logits.largest;
  scores.relative = scores.absolute / scores.largest;
  const iou = { least: Math.min(...ious), mean: ious.reduce((a, b) => a + b, 0) / ious.length };
  const which = stage.startsWith("mobile") ? "mobile_sam" : "a ViT-B from the peer's file";
  return [
    { part: `${which}: low-res logits`, ...whole, ...logits, iou },
    { part: `${which}: IoU predictions`, ...whole, ...scores },
  ];
}
