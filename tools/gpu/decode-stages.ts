import { join } from "node:path";
import ort from "../../src/lib/onnxruntime.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { graphsFolder, readRefineGraphs } from "../../src/graphs/files.ts";
import { headParts } from "../../src/imaging/points/head.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { type Feeds, graphStage } from "./graph-stage.ts";
import { near, nearMasks } from "./judge.ts";
import { drawnPicture } from "./picture.ts";
import type { Stage } from "./stages.ts";

const file = (name: string): string => join(graphsFolder, `${name}.onnx`);
/** Logits of up to 30: what two orders of summing leave of float32. */
const close = 1e-3;

/** A box on the left disc and a point on the right one, two tokens each. */
const prompts = {
  coords: Float32Array.of(170, 150, 430, 410, 700, 430, 0, 0),
  labels: Float32Array.of(2, 3, 1, -1),
};

/** The decoder on one embedding [64, 64, 256]: whole, with mask prompts, in parts; and what refines its masks. */
export const decodeStages = (embedding: () => Promise<Float32Array>): Stage[] => {
  const feeds = async (): Promise<Feeds> => {
    const weights = await baseModel("mobile_sam").decoderWeights();
    const named = Object.entries(weights).map(
      ([name, { data, shape }]) => [name, new ort.Tensor(data, [...shape])] as const,
    );
    return {
      ...Object.fromEntries(named),
      image_embedding: new ort.Tensor(await embedding(), [1, 4096, 256]),
      point_coords: new ort.Tensor(prompts.coords, [2, 2, 2]),
      point_labels: new ort.Tensor(prompts.labels, [2, 2]),
      mask_input: new ort.Tensor(drawnLogits(2, 256, 256), [2, 256, 256]),
      has_mask: new ort.Tensor(Float32Array.of(1, 0), [2]),
    };
  };
  const masks = nearMasks(close, "low_res_logits");
  const decoded = ["low_res_logits", "iou_predictions"];
  const prefixes = ["keys", "values", "queries", "later_values", "coarse"].map((name) => `prefix_${name}`);
  const graphs = readRefineGraphs();
  const refining = (name: string, model: string, outputs: string[], judge: Stage["judge"]): Stage =>
    graphStage({ name, graphs: [{ model, outputs }], feeds: () => Promise.resolve(areaFeeds()), judge });
  return [
    graphStage({
      name: "decode",
      graphs: [{ model: file("decoder-2"), outputs: decoded }],
      feeds,
      judge: masks,
    }),
    graphStage({
      name: "decode a mask prompt",
      graphs: [{ model: file("decoder-2-mask"), outputs: decoded }],
      feeds,
      judge: masks,
    }),
    graphStage({
      name: "prefix and rest",
      graphs: [
        { model: file("positions"), outputs: ["image_positions"] },
        { model: file("parts"), outputs: [] },
        { model: file("prefix"), outputs: prefixes },
        { model: file("prefixed-2-all"), outputs: decoded },
      ],
      feeds,
      judge: masks,
    }),
    refining("guided filter", graphs.guidedFilter, ["refined"], nearMasks(close, "refined")),
    refining("point head", graphs.pointHead, ["refined"], nearMasks(close, "refined")),
    refining("point features", graphs.pointFeatures, ["features"], near(close)),
  ];
};

const area = { width: 160, height: 120, units: 16 };

/** A part of the picture with a disc's logits over it, a box, every third pixel to judge, and a drawn head. */
function areaFeeds(): Feeds {
  const { width, height, units } = area;
  const { data, width: row } = drawnPicture();
  const guide = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    guide.set(data.subarray(((220 + y) * row + 200) * 3, ((220 + y) * row + 200 + width) * 3), y * width * 3);
  const random = seededRandom(5);
  const normal = (count: number, scale: number): Float32Array =>
    Float32Array.from({ length: count }, () => random.normal() * scale);

  const head = headParts(units).map(([part, length]) => {
    const matrix = part === "w1" || part === "w2";
    const values = part === "scale" ? new Float32Array(length).fill(1) : normal(length, 0.2);
    return [part, new ort.Tensor(values, matrix ? [length / units, units] : [length])] as const;
  });

  const points = Int32Array.from({ length: Math.floor((width * height) / 3) }, (_, i) => i * 3);
  return {
    logits: new ort.Tensor(drawnLogits(1, height, width), [height, width]),
    guide: new ort.Tensor("uint8", guide, [height, width, 3]),
    box: new ort.Tensor(Float32Array.of(20, 15, 140, 105), [4]),
    has_box: new ort.Tensor(Float32Array.of(1), [1]),
    points: new ort.Tensor("int32", points, [points.length]),
    radius: new ort.Tensor(Float32Array.of(4), [1]),
    epsilon: new ort.Tensor(Float32Array.of(1e-3), [1]),
    threshold: new ort.Tensor(Float32Array.of(0.5), [1]),
    ...Object.fromEntries(head),
  };
}

/** [count, height, width]: positive inside a disc, falling from its middle. */
const drawnLogits = (count: number, height: number, width: number): Float32Array =>
  Float32Array.from({ length: count * height * width }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    const away = Math.hypot(x - width / 2, y - height / 2) / Math.min(width, height);
    return 8 * Math.tanh((0.3 - away) * 12);
  });
