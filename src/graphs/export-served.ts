import type { Fit } from "../domain/model-family.ts";
import type { ExportedRefine } from "./files.ts";
import { mostSide } from "../imaging/working-size.ts";
import { faintLogit } from "../lib/faint.ts";
import { dataType, type OnnxModel, type OnnxNode, type OnnxValueInfo, valueInfo } from "../lib/onnx-proto.ts";
import { imageSize, longestSide, resize, triple, upscale } from "./export-outputs.ts";
import type { NodeList } from "./onnx-nodes.ts";

/** What lies round the area that is refined is background. */
const background = -20;

/** A graph that refines masks: see refine-graphs.ts. */
export interface ServedRefine {
  readonly kind: ExportedRefine;
  readonly model: OnnxModel;
}

/** Put before all names of the graph that refines, so that they meet none of the decoder's. */
export const refinePrefix = "refine.";

/**
 * Adds what refines mask 0 by the image, and gives back the outputs `masks` [1, 1, H, W] (logits), `iou_predictions`
 * [1, 1] and `low_res_masks` [1, 1, 256, 256], the last as the decoder has them. It wants another input `image`, uint8
 * [H, W, 3], the image that the embedding is of in RGB, and as inputs the settings of `refine`, named with refinePrefix.
 * The prompt's box, where a point head wants one, is that of labels 2 and 3. Only what may be foreground, with the room
 * that filters look at, is refined. `fit` is how an image fills the decoder's frame.
 */
export function addServedOutputs(
  nodes: NodeList,
  { logits, iou }: { logits: string; iou: string },
  { kind, model }: ServedRefine,
  fit: Fit = "padded",
): OnnxValueInfo[] {
  const add = nodes.add.bind(nodes);
  const first = add("Gather", [logits, nodes.ints([0])], { axis: 1 }, "low_res_masks");
  const score = add("Gather", [iou, nodes.ints([0])], { axis: 1 });
  const size = imageSize(nodes);
  const large = upscale(nodes, first, { count: 1, size, fit });
  const planeOf = (own: string): string =>
    add("Squeeze", [resize(nodes, large, sizes(nodes, [1, 1], own)), nodes.ints([0, 1])]);
  const room =
    kind === "pointHead"
      ? nodes.ints([32])
      : add("Cast", [add("Add", [add("Mul", [setting("radius"), nodes.floats([2])]), nodes.floats([1])])], {
          to: dataType.int64,
        });
  const widest = workSize(nodes);
  const work = sizeOfFewer(nodes, widest, activeArea(nodes, planeOf(widest), { room, work: widest }));
  const plane = planeOf(work);
  const guide = guideOf(nodes, work);
  const area = activeArea(nodes, plane, { room, work });
  const cut = (from: string): string => add("Slice", [from, area.start, area.end, nodes.ints([0, 1])]);
  const part = add("Identity", [cut(plane)], {}, setting("logits"));
  add("Identity", [cut(guide)], {}, setting("guide"));
  if (kind === "pointHead") {
    addBox(nodes, { work, start: area.start, fit });
    addPoints(nodes, part);
  }
  nodes.append(renamed(model));
  const around = add("Concat", [area.start, add("Sub", [work, area.end])], { axis: 0 });
  // A point head always judges one pixel, which may be none that it should.
  const active = add("Greater", [part, nodes.floats([faintLogit])]);
  const refined =
    kind === "pointHead" ? add("Where", [active, setting("refined"), part]) : setting("refined");
  const whole = add("Pad", [refined, around, nodes.float(background)]);
  const back = add("Unsqueeze", [whole, nodes.ints([0, 1])]);
  add("Identity", [resize(nodes, back, sizes(nodes, [1, 1], size))], {}, "masks");
  if (kind === "pointHead") {
    const shifted = add("Add", [score, setting("score_shift")]);
    add("Clip", [shifted, nodes.float(0), nodes.float(1)], {}, "iou_predictions");
  } else add("Identity", [score], {}, "iou_predictions");
  return triple("", 1);
}

/** The inputs of a graph that refines that are no part of an area: weights and settings, for exports to put inside. */
export const settingsOf = ({ kind, model }: ServedRefine): OnnxValueInfo[] => [
  ...model.graph.input
    .filter(({ name }) => !ofArea.has(name))
    .map((input) => ({ ...input, name: setting(input.name) })),
  valueInfo(setting("most_pixels"), dataType.float, [1]),
  ...(kind === "pointHead"
    ? [
        valueInfo(setting("score_shift"), dataType.float, [1]),
        valueInfo(setting("most_points"), dataType.int64, [1]),
      ]
    : []),
];

const ofArea = new Set(["logits", "guide", "box", "has_box", "points"]);

const setting = (name: string): string => `${refinePrefix}${name}`;

const sizes = (nodes: NodeList, before: readonly number[], size: string): string =>
  nodes.add("Concat", [nodes.ints(before), size], { axis: 0 });

/** [height, width] that is worked at, int64: the image's own, or less. */
function workSize(nodes: NodeList): string {
  const scale = nodes.add("Min", [
    nodes.floats([1]),
    nodes.add("Div", [nodes.floats([mostSide]), longestSide(nodes)]),
  ]);
  const scaled = nodes.add("Add", [nodes.add("Mul", ["orig_im_size", scale]), nodes.floats([0.5])]);
  const rounded = nodes.add("Max", [nodes.add("Floor", [scaled]), nodes.floats([1])]);
  return nodes.add("Cast", [rounded], { to: dataType.int64 });
}

/** The same where the area has too many pixels: see imaging/working-size.ts. */
function sizeOfFewer(nodes: NodeList, work: string, { start, end }: { start: string; end: string }): string {
  const add = nodes.add.bind(nodes);
  const float = (ints: string): string => add("Cast", [ints], { to: dataType.float });
  const pixels = add("ReduceProd", [float(add("Sub", [end, start])), nodes.ints([0])], { keepdims: 1 });
  const times = add("Log", [add("Div", [pixels, setting("most_pixels")])]);
  const steps = add("Ceil", [add("Mul", [times, nodes.floats([2 / Math.LN2])])]);
  const quarters = add("Mul", [add("Max", [steps, nodes.floats([0])]), nodes.floats([-0.25])]);
  const scaled = add("Mul", [float(work), add("Pow", [nodes.floats([2]), quarters])]);
  const rounded = add("Floor", [add("Add", [scaled, nodes.floats([0.5])])]);
  return add("Cast", [add("Max", [rounded, nodes.floats([1])])], { to: dataType.int64 });
}

/** The image at the size that is worked at, uint8 [h, w, 3]; onnxruntime antialiases as Pillow does. */
function guideOf(nodes: NodeList, work: string): string {
  const planes = nodes.add("Unsqueeze", [
    nodes.add("Transpose", ["image"], { perm: [2, 0, 1] }),
    nodes.ints([0]),
  ]);
  const small = resize(nodes, planes, sizes(nodes, [1, 3], work), 1);
  return nodes.add("Transpose", [nodes.add("Squeeze", [small, nodes.ints([0])])], { perm: [1, 2, 0] });
}

/** [top, left] and [bottom, right], int64, round all of a plane that may be foreground; anything where nothing may. */
function activeArea(
  nodes: NodeList,
  plane: string,
  { room, work }: { room: string; work: string },
): { start: string; end: string } {
  const above = nodes.add("Cast", [nodes.add("Greater", [plane, nodes.floats([faintLogit])])], {
    to: dataType.int32,
  });
  const ends = ([1, 0] as const).map((across) => {
    const any = nodes.add("ReduceMax", [above, nodes.ints([across])], { keepdims: 0 });
    const at = (last: 0 | 1): string =>
      nodes.add("ArgMax", [any], { axis: 0, keepdims: 1, select_last_index: last });
    return { first: at(0), last: at(1) };
  });
  const firsts = nodes.add(
    "Concat",
    ends.map(({ first }) => first),
    { axis: 0 },
  );
  const lasts = nodes.add(
    "Concat",
    ends.map(({ last }) => last),
    { axis: 0 },
  );
  const start = nodes.add("Max", [nodes.add("Sub", [firsts, room]), nodes.ints([0])]);
  const beyond = nodes.add("Add", [nodes.add("Add", [lasts, room]), nodes.ints([1])]);
  return { start, end: nodes.add("Min", [beyond, work]) };
}

/** The box of labels 2 and 3 in pixels of the area, and whether there is one. */
function addBox(nodes: NodeList, { work, start, fit }: { work: string; start: string; fit: Fit }): void {
  const corner = (label: number): { is: string; at: string } => {
    const equal = nodes.add("Equal", ["point_labels", nodes.floats([label])]);
    const is = nodes.add("Cast", [equal], { to: dataType.float });
    const chosen = nodes.add("Mul", ["point_coords", nodes.add("Unsqueeze", [is, nodes.ints([2])])]);
    return { is, at: nodes.add("ReduceSum", [chosen, nodes.ints([0, 1])], { keepdims: 0 }) };
  };
  const [from, to] = [corner(2), corner(3)];
  nodes.add("ReduceMax", [from.is, nodes.ints([1])], { keepdims: 0 }, setting("has_box"));
  // From pixels of the 1024 frame, x before y, to those that are worked at.
  const frame = fit === "stretched" ? nodes.floats([1024, 1024]) : paddedFrame(nodes);
  const scale = nodes.add("Div", [nodes.add("Cast", [work], { to: dataType.float }), frame]);
  const turned = (pair: string): string => nodes.add("Gather", [pair, nodes.ints([1, 0])], { axis: 0 });
  const [across, left] = [turned(scale), turned(nodes.add("Cast", [start], { to: dataType.float }))];
  const inArea = ({ at }: { at: string }): string => nodes.add("Sub", [nodes.add("Mul", [at, across]), left]);
  nodes.add("Concat", [inArea(from), inArea(to)], { axis: 0 }, setting("box"));
}

/** [height, width], float32, of the image in a frame that is filled up with padding. */
function paddedFrame(nodes: NodeList): string {
  const scale = nodes.add("Div", [nodes.floats([1024]), longestSide(nodes)]);
  const sides = nodes.add("Mul", ["orig_im_size", scale]);
  return nodes.add("Floor", [nodes.add("Add", [sides, nodes.floats([0.5])])]);
}

/** The pixels that a point head judges: those that may be foreground; of too many, those whose logits are nearest to 0. */
function addPoints(nodes: NodeList, part: string): void {
  const flat = nodes.add("Reshape", [part, nodes.ints([-1])]);
  const active = nodes.add("Greater", [flat, nodes.floats([faintLogit])]);
  const count = nodes.add("ReduceSum", [
    nodes.add("Cast", [active], { to: dataType.int64 }),
    nodes.ints([0]),
  ]);
  const some = nodes.add("Max", [nodes.add("Min", [count, setting("most_points")]), nodes.ints([1])]);
  const doubt = nodes.add("Where", [active, nodes.add("Abs", [flat]), nodes.floats([1e9])]);
  const points = nodes.addSecond("TopK", [doubt, some], { axis: 0, largest: 0, sorted: 0 });
  nodes.add("Cast", [points], { to: dataType.int32 }, setting("points"));
}

const renamed = ({ graph }: OnnxModel): Pick<OnnxModel["graph"], "node" | "initializer"> => {
  const name = (own: string): string => (own === "" ? "" : setting(own));
  return {
    node: graph.node.map((node): OnnxNode => ({
      ...node,
      ...(node.name !== undefined && { name: name(node.name) }),
      input: node.input.map(name),
      output: node.output.map(name),
    })),
    initializer: graph.initializer.map((tensor) => ({ ...tensor, name: name(tensor.name ?? "") })),
  };
};
