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

/** SAM 2.1's, of what is committed and of benches: no file of peers/parity.py has them. */
const sam2Rows = `| SAM 2.1: image encoder Hiera tiny (27 M weights, all blocks) | Hugging Face's Sam2Model | 1 image of 1024 x 1024 (random), all values | | 1.7e-6 |  |
| SAM 2.1: image encoder Hiera tiny (full width and depth, on a smaller frame) | Hugging Face's Sam2Model | made-up weights, 592 values of the three parts | 1.1e-5 | 9.8e-7 |  |
| SAM 2.1: image encoder Hiera large (full width, 5 blocks, on a smaller frame) | Hugging Face's Sam2Model | made-up weights, 600 values of the three parts | 8.8e-6 | 1.1e-6 |  |
| SAM 2.1: mask decoder, low-res logits | Hugging Face's Sam2Model | 4 prompts of every kind, 4 masks each, 16 values of each | 1.2e-4 | 6.9e-6 | 1.00000 (least 1.00000) |
| SAM 2.1: mask decoder, IoU predictions | Hugging Face's Sam2Model | 4 prompts, 4 masks each | 6.6e-7 | 9.7e-7 |  |
| SAM 2.1: mask decoder, object score | Hugging Face's Sam2Model | 4 prompts | 3.0e-8 | 6.3e-7 |  |
| SAM 2.1: mask decoder, low-res logits, random weights | Hugging Face's Sam2Model | 2 boxes and 2 points, all values | | 3.2e-4 |  |
| SAM 2.1: gradients of a box, 90 tensors | Hugging Face's Sam2Model | their norms | | 2.6e-5 |  |`;

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
${sam2Rows}

SamModel beside Meta: SamConfig gives the decoder's LayerNorms an epsilon of 1e-6, Meta's code PyTorch's 1e-5. On the same pixels this alone moves SamModel's logits away from Meta's and from ours; the rows with Meta's epsilon show what is left. The config.json of our \`hf\` export says 1e-5.

MobileSAM's image encoder, imported from a \`mobile_sam.pt\`, gave what the built-in model's ONNX file gives to 9.8e-7 of the largest value, and what its makers' PyTorch code gives to 7.2e-7, on one image of random numbers. The file was made of the ONNX file's weights, a BatchNorm drawn for each convolution. \`test/base-models/mobile-sam.test.ts\` asks it of every run, to 1e-5; \`test/model/mobile-image-encoder.test.ts\` holds the graph to PyTorch on made-up weights.

Importing a random ViT-H (Meta's names, 641.1 million float32 weights, a \`.pth\` of 2.56 GB) takes 264 MB of memory at most, the process and the graph included (GNU time's maximum resident set). The program that then encoded an image with it and decoded a box, started as by \`npm start\`, held 4.4 GB at its peak (VmHWM); the same box again took 0.7 s, the image being encoded. Measured on 2026-11-23 on a machine of 2 cores and 23 GB that other work kept busy, so the first one's time tells nothing.

SAM 2.1's rows: the committed references of \`peers/reference/sam2_image_encoder.py\` and \`sam2_decoder.py\`, which \`npm run test:peers\` remakes and \`test/model/sam2-image-encoder.test.ts\` and \`test/parity/sam2-decoder.test.ts\` ask of every run (1e-5 of an encoder, IoU .995 and scores to 1e-5 of a decoder, 1e-3 of a gradient); the first row and the random weights are what \`bench -- encode\` and \`bench -- decode --base sam2_tiny\` compare before they time. No weights of SAM 2 can be had here: its decoder is MobileSAM's tensors, which have the same shapes, and an object score by a formula. Masks there are low-res, not at an image's size. EdgeTAM's image encoder, whole with made-up weights on a smaller frame, lies within 1.8e-6 (relative) of \`peers/reference/edgetam_image_encoder.py\`, which equals transformers' EdgeTamModel with timm's RepViT to the bit; the test asks for 1e-5. Whole predictions of a SAM 2 with random weights in a narrow image encoder, six prompts on two images, met those of transformers' Sam2Model, given our \`hf\` export, at IoU .99984 or more, scores to 1e-5 (\`test/peers/sam2-exports.peer.ts\`).

Preprocessing (Pillow's resize; the encoder's whole input) is equal to the last bit: \`test/imaging/preprocess.test.ts\`. An image encoder of 2 blocks and 32 channels, whose windows need padding, is held against PyTorch's answer in \`test/model/image-encoder.test.ts\`.${missing}

To make it again: see the head of \`peers/parity.py\`, then \`npm run bench -- parity PEERS DATA\`. Stages may be made and measured one at a time.
`;
}
