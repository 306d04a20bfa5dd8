import "@tensorflow/tfjs-backend-cpu";
import "../../src/graph/gradients.ts";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { seededRandom } from "../../src/lib/random.ts";
import { imageToTokenAttention, selfAttention, tokenToImageAttention } from "../../src/model/attention.ts";
import {
  cellsToPlane,
  convPatches,
  convTranspose2x2,
  gelu,
  layerNorm,
  linear,
  mlp,
  planeToCells,
} from "../../src/model/layers.ts";
import { twoWayTransformer } from "../../src/model/two-way-transformer.ts";

/**
 * Every layer's gradient against finite differences: along a random direction of all its inputs and weights at once,
 * the slope that the gradient promises is the slope that is measured. Pure JavaScript backend, small sizes.
 */

type Named = Record<string, tf.Tensor>;

let random = seededRandom(1);
const normal = (shape: readonly number[], scale = 1): tf.Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => scale * random.normal()),
    [...shape],
  );
};
const linearWeights = (name: string, inputs: number, outputs: number): Named => ({
  [`${name}.weight`]: normal([outputs, inputs], 1 / Math.sqrt(inputs)),
  [`${name}.bias`]: normal([outputs], 0.3),
});
const normWeights = (name: string, size: number): Named => ({
  [`${name}.weight`]: normal([size], 0.3),
  [`${name}.bias`]: normal([size], 0.3),
});
const attentionWeights = (name: string, c: number, inner: number): Named => ({
  ...linearWeights(`${name}.q_proj`, c, inner),
  ...linearWeights(`${name}.k_proj`, c, inner),
  ...linearWeights(`${name}.v_proj`, c, inner),
  ...linearWeights(`${name}.out_proj`, inner, c),
});

beforeAll(async () => {
  await tf.setBackend("cpu");
});
beforeEach(() => {
  random = seededRandom(7);
});

/** Measured and promised slope of a random weighting of the layer's output, relative to the gradient's length. */
function slopes(
  layer: (named: Named) => tf.Tensor,
  named: Named,
): { measured: number; promised: number; length: number } {
  const names = Object.keys(named);
  const at = names.map((name) => named[name] as tf.Tensor);
  const weighting = normal(tf.tidy(() => layer(named)).shape);
  const loss = (...tensors: tf.Tensor[]): tf.Tensor =>
    tf.sum(
      tf.mul(layer(Object.fromEntries(names.map((name, i) => [name, tensors[i] as tf.Tensor]))), weighting),
    );
  const gradients = tf.grads(loss)(at);
  const dot = (a: readonly tf.Tensor[], b: readonly tf.Tensor[]): number =>
    a.reduce((sum, tensor, i) => sum + (tf.sum(tf.mul(tensor, b[i] as tf.Tensor)).dataSync()[0] ?? NaN), 0);
  // Half along the gradient, where the slope is steep, half at random, where a wrong entry shows
  const length = Math.sqrt(dot(gradients, gradients));
  const direction = gradients.map((g) =>
    tf.add(tf.div(g, length), normal(g.shape, 1 / Math.sqrt(g.size * names.length))),
  );
  const step = 1e-3;
  const moved = (by: number): number =>
    loss(...at.map((tensor, i) => tf.add(tensor, tf.mul(direction[i] as tf.Tensor, by)))).dataSync()[0] ??
    NaN;
  return { measured: (moved(step) - moved(-step)) / (2 * step), promised: dot(gradients, direction), length };
}

const [p, t, c, n] = [2, 3, 16, 12];
const shared = { query: normal([p, t, c]), image: normal([1, n, c]) };

const layers: Record<string, () => [(w: Named) => tf.Tensor, Named]> = {
  linear: () => [
    (w) => linear(w.x as tf.Tensor, w, "m"),
    { x: normal([p, t, c]), ...linearWeights("m", c, 5) },
  ],
  layerNorm: () => [
    (w) => layerNorm(w.x as tf.Tensor, w, "m"),
    { x: normal([p, t, c]), ...normWeights("m", c) },
  ],
  gelu: () => [(w) => gelu(w.x as tf.Tensor), { x: normal([p, t, c]) }],
  mlp: () => [
    (w) => mlp(w.x as tf.Tensor, w, "m", 2),
    { x: normal([p, c]), ...linearWeights("m.layers.0", c, c), ...linearWeights("m.layers.1", c, 4) },
  ],
  convTranspose2x2: () => [
    (w) => convTranspose2x2(w.x as tf.Tensor, w, "m"),
    { x: normal([p, n, 6]), "m.weight": normal([6, 5, 2, 2]), "m.bias": normal([5]) },
  ],
  convPatches: () => [
    (w) => convPatches(w.x as tf.Tensor, w, "m"),
    { x: normal([p, n, 2, 2, 3]), "m.weight": normal([5, 3, 2, 2]), "m.bias": normal([5]) },
  ],
  "planeToCells and cellsToPlane": () => [
    (w) => tf.mul(cellsToPlane(tf.square(planeToCells(w.x as tf.Tensor, 2, 3)), 2, 3), w.y as tf.Tensor),
    { x: normal([p, 8, 12]), y: normal([p, 8, 12]) },
  ],
  selfAttention: () => [
    (w) => selfAttention(w.q as tf.Tensor, w.k as tf.Tensor, w.v as tf.Tensor, w, "m"),
    { q: normal([p, t, c]), k: normal([p, t, c]), v: normal([p, t, c]), ...attentionWeights("m", c, c) },
  ],
  "tokenToImageAttention on images of their own": () => tokenToImage(p),
  "tokenToImageAttention on a shared image": () => tokenToImage(1),
  "imageToTokenAttention from images of their own": () => imageToToken(p),
  "imageToTokenAttention from a shared image": () => imageToToken(1),
};

function tokenToImage(images: number): [(w: Named) => tf.Tensor, Named] {
  const weights = attentionWeights("m", c, c / 2);
  delete weights["m.k_proj.bias"]; // it has no part in the result
  return [
    (w) => tokenToImageAttention(w.q as tf.Tensor, w.k as tf.Tensor, w.v as tf.Tensor, w, "m"),
    { q: normal([p, t, c]), k: normal([images, n, c]), v: normal([images, n, c]), ...weights },
  ];
}

function imageToToken(images: number): [(w: Named) => tf.Tensor, Named] {
  return [
    (w) => imageToTokenAttention(w.q as tf.Tensor, w.k as tf.Tensor, w.v as tf.Tensor, w, "m"),
    {
      q: normal([images, n, c]),
      k: normal([p, t, c]),
      v: normal([p, t, c]),
      ...attentionWeights("m", c, c / 2),
    },
  ];
}

test.each(Object.entries(layers))("%s", (_name, make) => {
  const [layer, named] = make();
  const { measured, promised, length } = slopes(layer, named);
  expect(length).toBeGreaterThan(0.1);
  expect(Math.abs(measured - promised) / length).toBeLessThan(2e-3);
});

/** The attention as Meta writes it: project everything, then split the heads. */
function plainAttention(q: tf.Tensor, k: tf.Tensor, v: tf.Tensor, weights: Named, name: string): tf.Tensor {
  const split = (x: tf.Tensor, projection: string): tf.Tensor => {
    const y = linear(x, weights, `${name}.${projection}`);
    const [b = 0, rows = 0, inner = 0] = y.shape;
    return tf.transpose(tf.reshape(y, [b, rows, 8, inner / 8]), [0, 2, 1, 3]);
  };
  const queries = split(q, "q_proj");
  const scores = tf.mul(
    tf.matMul(queries, split(k, "k_proj"), false, true),
    1 / Math.sqrt(queries.shape[3] ?? 1),
  );
  const mixed = tf.transpose(tf.matMul(tf.softmax(scores), split(v, "v_proj")), [0, 2, 1, 3]);
  const [b = 0, rows = 0] = mixed.shape;
  return linear(tf.reshape(mixed, [b, rows, -1]), weights, `${name}.out_proj`);
}

const largest = (a: tf.Tensor, b: tf.Tensor): number => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0] ?? NaN;

test("attention with the projections moved to the tokens' side is attention as Meta writes it", () => {
  const weights = attentionWeights("m", c, c / 2);
  const { query, image } = shared;
  const [keys, values] = [normal([p, n, c]), normal([p, n, c])];
  const own = tokenToImageAttention(query, keys, values, weights, "m");
  expect(largest(own, plainAttention(query, keys, values, weights, "m"))).toBeLessThan(1e-5);
  const back = imageToTokenAttention(keys, query, query, weights, "m");
  expect(largest(back, plainAttention(keys, query, query, weights, "m"))).toBeLessThan(1e-5);

  const tiled = tf.tile(image, [p, 1, 1]);
  const one = tokenToImageAttention(query, image, image, weights, "m");
  expect(largest(one, plainAttention(query, tiled, tiled, weights, "m"))).toBeLessThan(1e-5);
  const oneBack = imageToTokenAttention(image, query, query, weights, "m");
  expect(largest(oneBack, plainAttention(tiled, query, query, weights, "m"))).toBeLessThan(1e-5);
});

test("a hidden token changes nothing", () => {
  const weights = attentionWeights("m", c, c / 2);
  const wide = attentionWeights("m", c, c);
  const tokens = normal([1, t, c]);
  const more = tf.concat([tokens, normal([1, 1, c], 5)], 1);
  const absent = tf.tensor([0, 0, 0, -1e9], [1, 1, 1, t + 1]);
  const alone = selfAttention(tokens, tokens, tokens, wide, "m");
  const together = tf.slice(selfAttention(more, more, more, wide, "m", absent), [0, 0, 0], [1, t, c]);
  expect(largest(alone, together)).toBeLessThan(1e-6);
  const back = imageToTokenAttention(shared.image, tokens, tokens, weights, "m");
  expect(largest(back, imageToTokenAttention(shared.image, more, more, weights, "m", absent))).toBeLessThan(
    1e-6,
  );
});

test("prompts on one shared image get the gradient that they get on copies of it", () => {
  const weights: Named = {};
  for (const layer of ["m.layers.0", "m.layers.1"]) {
    Object.assign(weights, attentionWeights(`${layer}.self_attn`, c, c));
    Object.assign(weights, attentionWeights(`${layer}.cross_attn_token_to_image`, c, c / 2));
    Object.assign(weights, attentionWeights(`${layer}.cross_attn_image_to_token`, c, c / 2));
    Object.assign(
      weights,
      linearWeights(`${layer}.mlp.lin1`, c, 24),
      linearWeights(`${layer}.mlp.lin2`, 24, c),
    );
    for (const i of [1, 2, 3, 4]) Object.assign(weights, normWeights(`${layer}.norm${i}`, c));
  }
  Object.assign(
    weights,
    attentionWeights("m.final_attn_token_to_image", c, c / 2),
    normWeights("m.norm_final_attn", c),
  );
  const imagePe = normal([1, n, c]);
  const names = Object.keys(weights).filter((name) => !name.endsWith("token_to_image.k_proj.bias"));
  const pull = normal([p, 2, c]);
  const gradientsFor = (copies: boolean): tf.Tensor[] =>
    tf.grads((tokens: tf.Tensor, image: tf.Tensor, ...tensors: tf.Tensor[]) => {
      const own = {
        ...weights,
        ...Object.fromEntries(names.map((name, i) => [name, tensors[i] as tf.Tensor])),
      };
      const inputs = { tokens, image: copies ? tf.tile(image, [p, 1, 1]) : image, imagePe, wanted: 2 };
      const output = twoWayTransformer(inputs, own, "m");
      return tf.add(tf.sum(tf.mul(output.tokens, pull)), tf.sum(tf.square(output.image)));
    })([shared.query, shared.image, ...names.map((name) => weights[name] as tf.Tensor)]);
  const [one, many] = [gradientsFor(false), gradientsFor(true)];
  for (const [i, gradient] of one.entries()) {
    const size = tf.max(tf.abs(gradient)).dataSync()[0] ?? NaN;
    expect(largest(gradient, many[i] as tf.Tensor), names[i - 2]).toBeLessThan(1e-4 * Math.max(size, 1));
  }
});
