import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Inference } from "../../src/inference/inference.ts";
import { sha256 } from "../../src/lib/hash.ts";
import type { Row } from "./report.ts";
import { difference, floats, type Saved } from "../lib/values.ts";

interface EncoderPeer {
  readonly image: string;
  readonly weights: number;
  readonly embedding: Saved;
}

/** From an image's bytes to its embedding, through the file that the peer saved: import, decode, resize, encode. */
export async function compareEncoder(options: {
  peers: string;
  data: string;
  inference: Inference;
  type: string;
  name: string;
}): Promise<Row[]> {
  const { peers, data, inference, type, name } = options;
  const peer = JSON.parse(readFileSync(join(peers, `${type}.json`), "utf8")) as EncoderPeer;
  const bytes = readFileSync(join(data, peer.image));
  const source = { sha256: sha256(bytes), bytes: async () => bytes };
  const { embedding } = await inference.embed(source, { workspaceId: "ws_1", baseModel: name });
  const theirs = floats(peers, peer.embedding);
  const ours = new Float32Array(theirs.length);
  // Ours has its channels last
  for (let cell = 0; cell < 4096; cell++)
    for (let c = 0; c < 256; c++) ours[c * 4096 + cell] = embedding.data[cell * 256 + c] as number;
  const millions = (peer.weights / 1e6).toFixed(0);
  return [
    {
      part: `image encoder ${type} (${millions} M weights, all blocks)`,
      peer: "Meta's SamPredictor",
      on: "1 real image, from its bytes",
      ...difference(ours, theirs),
    },
  ];
}
