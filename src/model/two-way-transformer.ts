import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { imageToTokenAttention, selfAttention, tokenToImageAttention } from "./attention.ts";
import { type DecoderPrefix, toldValuesAttention, type Told } from "./coarse-cells.ts";
import { imageTelling, prefixToTokenAttention, tell, tokenToPrefixAttention } from "./image-prefix.ts";
import { layerNorm, layerNormScaled, linear } from "./layers.ts";
import type { Weights } from "./types.ts";

export interface TwoWayInputs {
  /** [P, T, 256]: output tokens, then prompt tokens. They are also their own positional encoding. */
  readonly tokens: Tensor;
  /** [I, N, 256], I = P or 1 (shared): image embedding plus dense prompt embedding. */
  readonly image: Tensor;
  /** With a prefix: the dense embedding of all image tokens [256], which `image` is then without. */
  readonly dense?: Tensor | undefined;
  /** [1, N, 256], or [P, N, 256] where every prompt has image tokens of its own. */
  readonly imagePe: Tensor;
  /** [P, 1, 1, T]: added to the scores of token keys; left out when every token is there. */
  readonly absent?: Tensor | undefined;
  /** The prefix of this image, where it was made before; the first layer then does without what it is made of. */
  readonly prefix?: DecoderPrefix | undefined;
  /** [P, 1, N]: how many tokens of the whole image each stands for, as a logarithm; left out, each is one. */
  readonly logCounts?: Tensor | undefined;
  /** How many of the first tokens are wanted: the others need no last attention. */
  readonly wanted: number;
}

/**
 * SAM's two layers of attention between tokens and image, and the last one from tokens to image
 * (segment-anything: modeling/transformer.py, class TwoWayTransformer).
 * Returns tokens [P, wanted, 256] and image [P, N, 256]; on a prefix also what both layers told the image.
 */
export function twoWayTransformer(
  inputs: TwoWayInputs,
  weights: Weights,
  name: string,
): { tokens: Tensor; image: Tensor; told: readonly Told[] } {
  const { tokens: pe, imagePe, absent, prefix, logCounts, wanted } = inputs;
  const trail: Told[] = [];
  let tokens = pe;
  let image = inputs.image;
  let imageWithPe = tf.add(image, imagePe);
  for (const layer of [0, 1]) {
    const module = `${name}.layers.${layer}`;
    if (layer === 0) {
      // The first layer's tokens are their own encoding: nothing is added, and nothing is kept beside the attention
      tokens = selfAttention(tokens, tokens, tokens, weights, `${module}.self_attn`, absent);
    } else {
      const withPe = tf.add(tokens, pe);
      tokens = tf.add(tokens, selfAttention(withPe, withPe, tokens, weights, `${module}.self_attn`, absent));
    }
    tokens = layerNorm(tokens, weights, `${module}.norm1`);

    const asked = tf.add(tokens, pe);
    const seenBy = `${module}.cross_attn_token_to_image`;
    let seen: Tensor;
    const [first] = trail;
    if (prefix && first) {
      const own = { values: prefix.laterValues, parts: prefix.parts };
      seen = toldValuesAttention(asked, imageWithPe, own, first, weights, seenBy);
    } else if (prefix) seen = tokenToPrefixAttention(asked, prefix, weights, seenBy);
    else seen = tokenToImageAttention(asked, imageWithPe, image, weights, seenBy, logCounts);
    tokens = layerNorm(tf.add(tokens, seen), weights, `${module}.norm2`);

    const hidden = tf.relu(linear(tokens, weights, `${module}.mlp.lin1`));
    tokens = layerNorm(
      tf.add(tokens, linear(hidden, weights, `${module}.mlp.lin2`)),
      weights,
      `${module}.norm3`,
    );

    const asking = tf.add(tokens, pe);
    const toldBy = `${module}.cross_attn_image_to_token`;
    if (prefix) {
      const telling =
        layer === 0
          ? prefixToTokenAttention(prefix, asking, tokens, weights, toldBy, absent)
          : imageTelling(imageWithPe, asking, tokens, weights, toldBy, absent);
      const told = tell(telling, weights, toldBy, layer === 0 ? inputs.dense : undefined);
      const { value, inverse } = layerNormScaled(tf.add(image, told), weights, `${module}.norm4`);
      trail.push({ ...telling, inverse });
      image = value;
    } else {
      const told = imageToTokenAttention(imageWithPe, asking, tokens, weights, toldBy, absent);
      image = layerNorm(tf.add(image, told), weights, `${module}.norm4`);
    }
    imageWithPe = tf.add(image, imagePe);
  }
  const [p = 0, t = 0, c = 0] = tokens.shape;
  const first = (x: Tensor): Tensor => (wanted < t ? tf.slice(x, [0, 0, 0], [p, wanted, c]) : x);
  const last = first(tokens);
  const seen = tokenToImageAttention(
    tf.add(last, first(pe)),
    imageWithPe,
    image,
    weights,
    `${name}.final_attn_token_to_image`,
    logCounts,
  );
  return { tokens: layerNorm(tf.add(last, seen), weights, `${name}.norm_final_attn`), image, told: trail };
}
