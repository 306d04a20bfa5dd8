import { huggingFaceName } from "./hugging-face.ts";
import type { NamedTensor, NamedTensors } from "./named-tensors.ts";
import { decoderLayout, type Layout } from "./layout.ts";

/**
 * SAM 2's prompt encoder and mask decoder by the names of SAM's, so that both families share their code: the same 137
 * tensors, and seven of the object score. conv_s0 and conv_s1 are not among them: they are the image encoder's last
 * layers here (domain/model-family.ts).
 * Source: sam2 modeling/sam/mask_decoder.py, prompt_encoder.py.
 */
export const sam2DecoderLayout: Layout = Object.freeze({
  ...decoderLayout,
  "mask_decoder.obj_score_token.weight": [1, 256],
  ...Object.assign(
    {},
    ...[256, 256, 1].map((outputs, i) => ({
      [`mask_decoder.pred_obj_score_head.layers.${i}.weight`]: [outputs, 256],
      [`mask_decoder.pred_obj_score_head.layers.${i}.bias`]: [outputs],
    })),
  ),
});

/** Meta's name in a SAM 2 checkpoint of a tensor of sam2DecoderLayout. */
export const metaSam2Name = (name: string): string =>
  `sam_${name}`
    .replace(/\.mlp\.lin1\.(?=\w+$)/, ".mlp.layers.0.")
    .replace(/\.mlp\.lin2\.(?=\w+$)/, ".mlp.layers.1.");

/** What Sam2Model calls otherwise than SamModel does. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/\.out_proj\./, ".o_proj."],
  [/\.mlp\.lin1\./, ".mlp.proj_in."],
  [/\.mlp\.lin2\./, ".mlp.proj_out."],
];

/** Rows of Hugging Face's `point_embed`: background, foreground, and a box's two corners. */
export const pointEmbeddings = 4;

const pointEmbedding = /^prompt_encoder\.point_embeddings\.(\d)\.weight$/;

/**
 * Hugging Face's name in Sam2Model of a tensor of sam2DecoderLayout (transformers: models/sam2/modeling_sam2.py), and
 * which of its rows the tensor is: the four point embeddings [1, 256] are one tensor [4, 256] there.
 */
export function huggingFaceSam2Name(name: string): { name: string; row: number | null } {
  const point = pointEmbedding.exec(name);
  if (point) return { name: "prompt_encoder.point_embed.weight", row: Number(point[1]) };
  return {
    name: rules.reduce(
      (current, [pattern, replacement]) => current.replace(pattern, replacement),
      huggingFaceName(name),
    ),
    row: null,
  };
}

/** A decoder's tensors as Sam2Model names them. */
export function toHuggingFaceSam2(tensors: NamedTensors): NamedTensors {
  const out: Record<string, NamedTensor> = {};
  const points = { shape: [4, 256], data: new Float32Array(4 * 256) };
  for (const [own, tensor] of Object.entries(tensors)) {
    const { name, row } = huggingFaceSam2Name(own);
    if (row === null) out[name] = tensor;
    else {
      points.data.set(tensor.data, row * 256);
      out[name] = points;
    }
  }
  return out;
}

/** Names of the head of the object score. */
export const objectScoreHead = /\.pred_obj_score_head\./;

/** Whether a decoder says of every object that it is as likely there as not: SAM 2's without the head of its object score. */
export const lacksObjectScore = (tensors: NamedTensors): boolean => {
  const head = Object.entries(tensors).filter(([name]) => objectScoreHead.test(name));
  return head.length > 0 && head.every(([, { data }]) => data.every((value) => value === 0));
};
