/**
 * What Sam2Model of transformers.js takes, made as the model was trained: in place of Sam2Processor, which resizes
 * otherwise. `image` is a RawImage, or any { width, height, channels, data } of 8 bits, channels last, grey or RGB, with
 * transparency or without. `Tensor` is transformers.js's. `prompts` are { box: [x0, y0, x1, y1], points:
 * [[x, y, label], ...] } in pixels of the image, either of the two left out, a mask for each.
 */
export function preprocess(image, Tensor, prompts) {
  const { width, height } = image;
  const rows = stretched(rgb(image), height, width);
  const pixels = stretched(rows, side, height);
  const frame = new Float32Array(3 * side * side);
  for (let i = 0; i < side * side; i++)
    for (let c = 0; c < 3; c++) frame[c * side * side + i] = (pixels[3 * i + c] / 255 - mean[c]) / std[c];
  const lists = prompts.map(({ box, points = [] }) => [
    ...points,
    ...(box
      ? [
          [box[0], box[1], 2],
          [box[2], box[3], 3],
        ]
      : []),
  ]);
  const most = Math.max(...lists.map(({ length }) => length));
  // Prompts of one call have equally many points; those of label -10 are not there.
  const filled = lists.flatMap((list) => Array.from({ length: most }, (_, i) => list[i] ?? [0, 0, -10]));
  const coords = filled.flatMap(([x, y]) => [(x * side) / width, (y * side) / height]);
  const labels = filled.map(([, , label]) => BigInt(label));
  return {
    pixel_values: new Tensor("float32", frame, [1, 3, side, side]),
    input_points: new Tensor("float32", Float32Array.from(coords), [1, prompts.length, most, 2]),
    input_labels: new Tensor("int64", BigInt64Array.from(labels), [1, prompts.length, most]),
    original_sizes: [[height, width]],
    reshaped_input_sizes: [[side, side]],
  };
}

const side = 1024;
const [mean, std] = [
  [0.485, 0.456, 0.406],
  [0.229, 0.224, 0.225],
];

/** Three channels of any image: grey ones are the same thrice, and transparency is dropped. */
function rgb({ width, height, data, channels = 3 }) {
  if (channels === 3) return data;
  const from = (i) => Math.floor(i / 3) * channels + (channels > 3 ? i % 3 : 0);
  return Uint8Array.from({ length: width * height * 3 }, (_, i) => data[from(i)]);
}

/** [rows, columns, 3] to [1024, rows, 3]: each row resized as torchvision does, and turned. */
function stretched(data, rows, columns) {
  const out = new Float32Array(side * rows * 3);
  const scale = columns / side;
  const reach = Math.max(scale, 1);
  for (let i = 0; i < side; i++) {
    const centre = scale * (i + 0.5);
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const count = Math.min(columns, Math.trunc(centre + reach + 0.5)) - first;
    const near = Array.from({ length: count }, (_, j) =>
      Math.max(0, 1 - Math.abs((j + first - centre + 0.5) / reach)),
    );
    const sum = near.reduce((a, b) => a + b, 0);
    for (let row = 0, to = i * rows * 3; row < rows; row++)
      for (let c = 0; c < 3; c++, to++) {
        let value = 0;
        for (let j = 0, at = (row * columns + first) * 3 + c; j < count; j++, at += 3)
          value += (near[j] / sum) * data[at];
        out[to] = value;
      }
  }
  return out;
}
