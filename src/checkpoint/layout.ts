import type { NamedTensors } from "./named-tensors.ts";

type Shape = readonly number[];
/** Shapes by name. */
export type Layout = Record<string, Shape>;

/** Width of every token: image, prompt and output. */
const width = 256;
/** The attention over image tokens works at half the width. */
const narrow = 128;
/** SAM's mask tokens: 0 is the single mask, 1 to 3 are for ambiguous prompts. */
const maskTokens = 4;

const linear = (name: string, inputs: number, outputs: number): Layout => ({
  [`${name}.weight`]: [outputs, inputs],
  [`${name}.bias`]: [outputs],
});

const norm = (name: string, size: number): Layout => ({
  [`${name}.weight`]: [size],
  [`${name}.bias`]: [size],
});

const conv = (name: string, weight: Shape, outputs: number): Layout => ({
  [`${name}.weight`]: weight,
  [`${name}.bias`]: [outputs],
});

const attention = (name: string, inner: number): Layout => ({
  ...linear(`${name}.q_proj`, width, inner),
  ...linear(`${name}.k_proj`, width, inner),
  ...linear(`${name}.v_proj`, width, inner),
  ...linear(`${name}.out_proj`, inner, width),
});

const mlp3 = (name: string, outputs: number): Layout => ({
  ...linear(`${name}.layers.0`, width, width),
  ...linear(`${name}.layers.1`, width, width),
  ...linear(`${name}.layers.2`, width, outputs),
});

const transformerLayer = (name: string): Layout => ({
  ...attention(`${name}.self_attn`, width),
  ...attention(`${name}.cross_attn_token_to_image`, narrow),
  ...attention(`${name}.cross_attn_image_to_token`, narrow),
  ...linear(`${name}.mlp.lin1`, width, 2048),
  ...linear(`${name}.mlp.lin2`, 2048, width),
  ...Object.assign({}, ...[1, 2, 3, 4].map((i) => norm(`${name}.norm${i}`, width))),
});

const promptEncoder = (): Layout => {
  const p = "prompt_encoder";
  return {
    [`${p}.pe_layer.positional_encoding_gaussian_matrix`]: [2, width / 2],
    ...Object.fromEntries([0, 1, 2, 3].map((i) => [`${p}.point_embeddings.${i}.weight`, [1, width]])),
    [`${p}.not_a_point_embed.weight`]: [1, width],
    [`${p}.no_mask_embed.weight`]: [1, width],
    ...conv(`${p}.mask_downscaling.0`, [4, 1, 2, 2], 4),
    ...norm(`${p}.mask_downscaling.1`, 4),
    ...conv(`${p}.mask_downscaling.3`, [16, 4, 2, 2], 16),
    ...norm(`${p}.mask_downscaling.4`, 16),
    ...conv(`${p}.mask_downscaling.6`, [width, 16, 1, 1], width),
  };
};

const maskDecoder = (): Layout => {
  const d = "mask_decoder";
  return {
    [`${d}.iou_token.weight`]: [1, width],
    [`${d}.mask_tokens.weight`]: [maskTokens, width],
    ...transformerLayer(`${d}.transformer.layers.0`),
    ...transformerLayer(`${d}.transformer.layers.1`),
    ...attention(`${d}.transformer.final_attn_token_to_image`, narrow),
    ...norm(`${d}.transformer.norm_final_attn`, width),
    ...conv(`${d}.output_upscaling.0`, [width, 64, 2, 2], 64),
    ...norm(`${d}.output_upscaling.1`, 64),
    ...conv(`${d}.output_upscaling.3`, [64, 32, 2, 2], 32),
    ...Object.assign({}, ...[0, 1, 2, 3].map((i) => mlp3(`${d}.output_hypernetworks_mlps.${i}`, 32))),
    ...mlp3(`${d}.iou_prediction_head`, maskTokens),
  };
};

/**
 * Names and shapes of SAM's prompt encoder and mask decoder, as Meta's PyTorch modules hold them: 137 tensors, the
 * same for ViT-B, -L, -H and MobileSAM (segment-anything: build_sam.py, modeling/prompt_encoder.py, mask_decoder.py).
 */
export const decoderLayout: Readonly<Record<string, Shape>> = Object.freeze({
  ...promptEncoder(),
  ...maskDecoder(),
});

/** Throws an Error that lists every tensor that is missing, mis-shaped, unknown or not finite. */
export function checkLayout(
  tensors: NamedTensors,
  layout: Readonly<Record<string, Shape>> = decoderLayout,
): void {
  const faults: string[] = [];
  for (const [name, shape] of Object.entries(layout)) {
    const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
    if (!tensor) faults.push(`${name} is missing`);
    else if (tensor.shape.join() !== shape.join()) {
      faults.push(`${name} has shape [${tensor.shape.join()}], not [${shape.join()}]`);
    } else if (tensor.data.length !== shape.reduce((a, b) => a * b, 1)) {
      faults.push(
        `${name} holds ${tensor.data.length} values, its shape says ${shape.reduce((a, b) => a * b, 1)}`,
      );
    } else if (!tensor.data.every(Number.isFinite)) faults.push(`${name} holds values that are not finite`);
  }
  for (const name of Object.keys(tensors))
    if (!Object.hasOwn(layout, name)) faults.push(`${name} is unknown`);
  if (faults.length > 0) throw new Error(`the weights are not a SAM decoder's: ${faults.join("; ")}`);
}

/** What fine-tuning may change: every tensor of the mask decoder. The prompt encoder stays as it is. */
export const trainableNames: readonly string[] = Object.keys(decoderLayout).filter((name) =>
  name.startsWith("mask_decoder."),
);

/** Parts of the mask decoder that can be trained while the rest stays frozen. */
const groups = {
  all: /./,
  /** What follows the transformer: no gradient has to go back through it. */
  heads: /\.(output_upscaling|output_hypernetworks_mlps|iou_prediction_head)\./,
  /** The heads and the transformer's second half. */
  last: /\.(output_upscaling|output_hypernetworks_mlps|iou_prediction_head|transformer\.layers\.1|final_attn_token_to_image|norm_final_attn)\./,
  /** Every bias and norm, and the output tokens: 0.5 % of the weights (BitFit, Ben Zaken et al., 2022). */
  biases: /\.bias$|\.norm\w*\.weight$|output_upscaling\.1\.weight$|_tokens?\.weight$/,
} as const;
export type TrainableGroup = keyof typeof groups;
export const trainableGroups = Object.keys(groups) as TrainableGroup[];

/** The trainable names of a group. */
export const namesOfGroup = (group: TrainableGroup): string[] =>
  trainableNames.filter((name) => groups[group].test(name));

/**
 * The trainable names that a loss on the masks of these tokens reaches; token 0 alone: 93 of 120. The others get no
 * gradient at all: the IoU head, the hypernetworks of other tokens, and the key biases of the attention over image
 * tokens, which add the same number to every score of a row, so that softmax does not see them.
 * @param options.iouHead whether there is also a loss on the IoU predictions: it reaches the IoU head
 */
export function namesReachedByMaskLoss(
  tokens: readonly number[] = [0],
  { iouHead = false }: { iouHead?: boolean } = {},
): string[] {
  const other = /^mask_decoder\.(iou_prediction_head|output_hypernetworks_mlps\.(\d))\./;
  return trainableNames.filter((name) => {
    if (name.endsWith("token_to_image.k_proj.bias")) return false;
    const match = other.exec(name);
    if (match?.[1] === "iou_prediction_head") return iouHead;
    return !match || tokens.includes(Number(match[2]));
  });
}
