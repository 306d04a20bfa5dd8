import { writeFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { temporaryFile } from "./temporary.ts";
import { runPython } from "./python.ts";

/** Blobs of many sizes: a random walk paints squares, from nothing to everything. */
function randomMask(seed: number): BinaryMask {
  const random = seededRandom(seed);
  const [width, height] = [1 + random.below(300), 1 + random.below(300)];
  const data = new Uint8Array(width * height);
  for (let stroke = random.below(40); stroke > 0; stroke--) {
    const [x0, y0, side] = [random.below(width), random.below(height), 1 + random.below(60)];
    for (let y = y0; y < Math.min(height, y0 + side); y++) {
      data.fill(1, y * width + x0, y * width + Math.min(width, x0 + side));
    }
  }
  return { width, height, data };
}

it("writes RLE that pycocotools decodes bit for bit, and reads its own", async () => {
  const masks = Array.from({ length: 60 }, (_, seed) => randomMask(seed));
  const file = await temporaryFile("masks.json");
  await writeFile(file, JSON.stringify(masks.map((mask) => encodeRle(mask))));
  const printed = await runPython(
    `
import hashlib, json, sys
import numpy as np
from pycocotools import mask as coco
for rle in json.load(open(sys.argv[1])):
    m = coco.decode({"size": rle["size"], "counts": rle["counts"].encode()})
    again = coco.encode(np.asfortranarray(m))["counts"].decode()
    print(hashlib.sha256(np.ascontiguousarray(m).tobytes()).hexdigest(), again)
`,
    [file],
  );
  const lines = printed.trim().split("\n");
  expect(lines).toHaveLength(masks.length);
  masks.forEach((mask, i) => {
    const [digest, counts = ""] = (lines[i] as string).split(" ");
    expect(digest).toBe(sha256(mask.data));
    expect(decodeRle({ format: "rle", size: [mask.height, mask.width], counts }).data).toEqual(mask.data);
  });
});
