/** One line of docs/parity.md. */
export interface Row {
  readonly part: string;
  readonly peer: string;
  readonly on: string;
  readonly absolute: number;
  readonly relative: number;
  /** IoU of the masks at the original size. */
  readonly iou?: { readonly least: number; readonly mean: number };
}

const short = (value: number): string => (value === 0 ? "0" : value.toExponential(1));

/** The page, from what was measured and the versions of what it was measured against. */
export function parityReport(rows: readonly Row[], versions: Readonly<Record<string, string>>): string {
  const lines = rows.map(({ part, peer, on, absolute, relative, iou }) => {
    const masks = iou ? `${iou.mean.toFixed(5)} (least ${iou.least.toFixed(5)})` : "";
    return `| ${part} | ${peer} | ${on} | ${short(absolute)} | ${short(relative)} | ${masks} |`;
  });
  const types = ["vit_b", "vit_l", "vit_h"].filter(
    (type) => !rows.some(({ part }) => part.startsWith(`image encoder ${type}`)),
  );
  const missing = types.length > 0 ? `\n\nNot measured at full size: ${types.join(", ")}.` : "";
  const against = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `# Parity

Every part of SAM here against the peers, on the same weights: written by \`npm run bench -- parity\` from what \`peers/parity.py\` made. Differences are the largest of all values; "relative" is that over the largest value. Masks are compared at the image's own size, as IoU.

Image encoders ViT-B, L and H have random weights made by the peer at full width and depth, its own \`.pth\` (for SamModel its own \`model.safetensors\`) imported; decoders have mobile_sam's weights. Whole predictions go from the image's bytes to the mask, so that decoding, resizing, normalising, encoding, prompts and postprocessing are each side's own; for mobile_sam both run the same ONNX file of the image encoder. Prompts, ten an image: four jittered boxes, three single clicks (three masks each), two of three clicks, a box with a click.

Measured against ${against.join(", ")}.

| Part | Peer | On | Max abs. difference | Relative | Mask IoU, mean |
|---|---|---|---|---|---|
${lines.join("\n")}

SamModel beside Meta: SamConfig gives the decoder's LayerNorms an epsilon of 1e-6, Meta's code PyTorch's 1e-5. On the same pixels this alone moves SamModel's logits away from Meta's and from ours; the rows with Meta's epsilon show what is left. The config.json of our \`hf\` export says 1e-5.

Importing a random ViT-H (Meta's names, 641.1 million float32 weights, a \`.pth\` of 2.56 GB) takes 264 MB of memory at most, the process and the graph included (GNU time's maximum resident set). The program that then encoded an image with it and decoded a box, started as by \`npm start\`, held 4.4 GB at its peak (VmHWM); the same box again took 0.7 s, the image being encoded. Measured on 2026-11-23 on a machine of 2 cores and 23 GB that other work kept busy, so the first one's time tells nothing.

Preprocessing (Pillow's resize; the encoder's whole input) is equal to the last bit: \`test/imaging/preprocess.test.ts\`. An image encoder of 2 blocks and 32 channels, whose windows need padding, is held against PyTorch's answer in \`test/model/image-encoder.test.ts\`.${missing}

To make it again: see the head of \`peers/parity.py\`, then \`npm run bench -- parity PEERS DATA\`. Stages may be made and measured one at a time.
`;
}
