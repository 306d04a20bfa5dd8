import type { Fit } from "../domain/model-family.ts";
import type { ExportVariant } from "./files.ts";
import { dataType, type OnnxValueInfo, valueInfo } from "../lib/onnx-proto.ts";
import type { NodeList } from "./onnx-nodes.ts";

/** Masks and their IoU predictions, by the names of graph values. */
interface Masks {
  /** [1, M, 256, 256]. */
  readonly logits: string;
  /** [1, M]. */
  readonly iou: string;
}

/**
 * Adds the nodes from four low-res masks to the outputs of a variant, and gives back those outputs:
 * - `multi`: Meta's export: `masks` [1, 4, H, W] logits at the original size, `iou_predictions` [1, 4],
 *   `low_res_masks` [1, 4, 256, 256].
 * - `single`: Meta's with --return-single-mask: the same of one mask, which the number of points chooses.
 * - `served`: the three of `single`, but of mask 0, which is what the API answers with and what is trained.
 * - `all`: the three of `served`, then the three of `multi` as `multimask_…`, then `xtl`, `ytl`, `xbr`, `ybr`: where
 *   `masks` lies in the image, so the whole of it.
 * - `cvat`: what CVAT's browser plugin reads: `masks` [1, 1, h, w] uint8, 0 or 1, cut to the mask's bounds; `xtl`, `ytl`,
 *   `xbr`, `ybr` those bounds, int64, inclusive; and the two others of `served`.
 * - `engine`: `low_res_masks` [1, 1, 256, 256] and `iou_predictions` [1, 1] alone, of mask 0, the only one that `all` holds.
 */
export function addOutputs(nodes: NodeList, variant: ExportVariant, all: Masks): OnnxValueInfo[] {
  const { add } = bound(nodes);
  const named = (value: string, name: string): void => void add("Identity", [value], {}, name);
  if (variant === "engine") {
    named(all.logits, "low_res_masks");
    named(all.iou, "iou_predictions");
    return triple("", 1).slice(1).toReversed();
  }
  const size = imageSize(nodes);
  if (variant === "multi") {
    named(upscale(nodes, all.logits, { count: 4, size }), "masks");
    named(all.iou, "iou_predictions");
    named(all.logits, "low_res_masks");
    return triple("", 4);
  }
  const best = variant === "single" ? bestMask(nodes, all.iou) : nodes.ints([0]);
  const chosen: Masks = {
    logits: add("Gather", [all.logits, best], { axis: 1 }, "low_res_masks"),
    iou: add("Gather", [all.iou, best], { axis: 1 }, "iou_predictions"),
  };
  if (variant === "all") {
    // The chosen mask is one of the four, so it is not made twice.
    const large = add("Identity", [upscale(nodes, all.logits, { count: 4, size })], {}, "multimask_masks");
    add("Gather", [large, best], { axis: 1 }, "masks");
    named(all.iou, "multimask_iou_predictions");
    named(all.logits, "multimask_low_res_masks");
    const last = add("Sub", [size, nodes.ints([1])]);
    for (const name of ["xtl", "ytl"]) named(nodes.int(0), name);
    add("Gather", [last, nodes.int(1)], { axis: 0 }, "xbr");
    add("Gather", [last, nodes.int(0)], { axis: 0 }, "ybr");
    return [...triple("", 1), ...triple("multimask_", 4), ...bounds];
  }
  const large = upscale(nodes, chosen.logits, { count: 1, size });
  if (variant === "single" || variant === "served") {
    named(large, "masks");
    return triple("", 1);
  }
  cutToBounds(nodes, large);
  const [, ...others] = triple("", 1);
  return [valueInfo("masks", dataType.uint8, [1, 1, "mask_height", "mask_width"]), ...others, ...bounds];
}

const bound = (nodes: NodeList): Pick<NodeList, "add"> => ({ add: nodes.add.bind(nodes) });

export const triple = (prefix: string, count: number): OnnxValueInfo[] => [
  valueInfo(`${prefix}masks`, dataType.float, [1, count, "height", "width"]),
  valueInfo(`${prefix}iou_predictions`, dataType.float, [1, count]),
  valueInfo(`${prefix}low_res_masks`, dataType.float, [1, count, 256, 256]),
];

const bounds = ["xtl", "ytl", "xbr", "ybr"].map((name) => valueInfo(name, dataType.int64, []));

/** orig_im_size as int64 [2]: height, width. */
export const imageSize = (nodes: NodeList): string =>
  nodes.add("Cast", ["orig_im_size"], { to: dataType.int64 });

/**
 * The index [1] of the one mask (SamOnnxModel.select_masks): with three points or more, padding counted, mask 0; with
 * fewer, the best of the other three by its own prediction.
 */
function bestMask(nodes: NodeList, iou: string): string {
  const count = nodes.add("Gather", [nodes.add("Shape", ["point_labels"]), nodes.ints([1])], { axis: 0 });
  const points = nodes.add("Cast", [count], { to: dataType.float });
  const over = nodes.add("Sub", [points, nodes.floats([2.5])]);
  const bonus = nodes.add("Mul", [over, nodes.floats([1000, 0, 0, 0])]);
  return nodes.add("ArgMax", [nodes.add("Add", [iou, bonus])], { axis: 1, keepdims: 0 });
}

/**
 * Low-res logits [1, M, 256, 256] to logits at the original size, never rounded in between. `padded`
 * (SamOnnxModel.mask_postprocessing): bilinear to the 1024 frame, the padding cut off, bilinear to the image. `stretched`
 * (sam2: utils/transforms.py, postprocess_masks): bilinear to the image.
 */
export function upscale(
  nodes: NodeList,
  logits: string,
  { count, size, fit = "padded" }: { count: number; size: string; fit?: Fit },
): string {
  const atSize = nodes.add("Concat", [nodes.ints([1, count]), size], { axis: 0 });
  if (fit === "stretched") return resize(nodes, logits, atSize);
  const frame = resize(nodes, logits, nodes.ints([1, count, 1024, 1024]));
  const longest = longestSide(nodes);
  const scale = nodes.add("Div", [nodes.floats([1024]), longest]);
  const scaled = nodes.add("Mul", ["orig_im_size", scale]);
  const rounded = nodes.add("Floor", [nodes.add("Add", [scaled, nodes.floats([0.5])])]);
  const ends = nodes.add("Cast", [rounded], { to: dataType.int64 });
  const inside = nodes.add("Slice", [frame, nodes.ints([0, 0]), ends, nodes.ints([2, 3])]);
  return resize(nodes, inside, atSize);
}

/** The longer side of the image, float32 [1]. */
export const longestSide = (nodes: NodeList): string => nodes.add("Max", [side(nodes, 0), side(nodes, 1)]);

const side = (nodes: NodeList, axis: 0 | 1): string =>
  nodes.add("Gather", ["orig_im_size", nodes.ints([axis])], { axis: 0 });

/** Bilinear, pixel centres at a half, as torch's interpolate with align_corners=False. */
export const resize = (nodes: NodeList, image: string, sizes: string, antialias?: 1): string =>
  nodes.add("Resize", [image, "", "", sizes], {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
    ...(antialias && { antialias }),
  });

/** Outputs `masks`, `xtl`, `ytl`, `xbr`, `ybr` of a mask [1, 1, H, W]; an empty mask gives one empty pixel at the origin. */
function cutToBounds(nodes: NodeList, logits: string): void {
  const inside = nodes.add("Greater", [logits, nodes.floats([0])]);
  const mask = nodes.add("Cast", [inside], { to: dataType.uint8 });
  const signed = nodes.add("Cast", [inside], { to: dataType.int32 });
  // Whether a row or column has any pixel, and the first and last that have.
  const edges = (axes: readonly number[], low: string, high: string): [string, string] => {
    const any = nodes.add("ReduceMax", [signed], { axes, keepdims: 0 });
    const first = nodes.add("ArgMax", [any], { axis: 0, keepdims: 0, select_last_index: 0 }, low);
    const last = nodes.add("ArgMax", [any], { axis: 0, keepdims: 0, select_last_index: 1 });
    // All are equal for an empty mask, and the last index would be the image's edge.
    const found = nodes.add("Cast", [nodes.add("ReduceMax", [any], { axes: [0], keepdims: 0 })], {
      to: dataType.int64,
    });
    return [first, nodes.add("Mul", [last, found], {}, high)];
  };
  const [ytl, ybr] = edges([0, 1, 3], "ytl", "ybr");
  const [xtl, xbr] = edges([0, 1, 2], "xtl", "xbr");
  const corner = (y: string, x: string): string =>
    nodes.add(
      "Concat",
      [y, x].map((value) => nodes.add("Reshape", [value, nodes.ints([1])])),
      { axis: 0 },
    );
  const end = nodes.add("Add", [corner(ybr, xbr), nodes.ints([1])]);
  nodes.add("Slice", [mask, corner(ytl, xtl), end, nodes.ints([2, 3])], {}, "masks");
}
