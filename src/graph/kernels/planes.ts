import * as tf from "@tensorflow/tfjs-core";
import type { Value } from "../ir.ts";
import type { Recorder } from "../recorder.ts";
import type { KernelCall, Kernels, Operand } from "./kernel.ts";

/**
 * Kernels of images. tfjs keeps channels last and ONNX first; planes are a batch of images of one channel, [planes,
 * height, width, 1], which lie alike in both.
 */
function planesOf(x: Operand, kernel: string): [number, number, number] {
  const [planes, height, width, channels] = x.shape as [number, number, number, number];
  if (x.shape.length !== 4 || channels !== 1)
    throw new Error(
      `${kernel} of [${x.shape.join()}] can't be recorded: it takes planes [n, height, width, 1]`,
    );
  return [planes, height, width];
}

const reshape = (recorder: Recorder, value: Value, shape: readonly number[]): Value =>
  recorder.emit("Reshape", [value, recorder.ints(shape)], shape, value.dtype);

/** Windows of one pixel's stride or of their own size; a mean is of what lies inside. */
const pool =
  (op: "AveragePool" | "MaxPool") =>
  ({ recorder, input, attribute }: KernelCall): Value => {
    const x = input("x");
    const [planes, height, width] = planesOf(x, op);
    const { padInfo, strideHeight, strideWidth, filterHeight, filterWidth, outHeight, outWidth } =
      tf.backend_util.computePool2DInfo(
        [planes, height, width, 1],
        attribute<number | [number, number]>("filterSize"),
        attribute<number | [number, number]>("strides"),
        1,
        attribute<"valid" | "same" | number>("pad"),
        attribute<"floor" | "round" | "ceil" | undefined>("dimRoundingMode"),
      );
    const image = reshape(recorder, x.value, [planes, 1, height, width]);
    const pooled = recorder.emit(op, [image], [planes, 1, outHeight, outWidth], x.dtype, {
      kernel_shape: [filterHeight, filterWidth],
      strides: [strideHeight, strideWidth],
      pads: [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right],
    });
    return reshape(recorder, pooled, [planes, outHeight, outWidth, 1]);
  };

/** The side of square blocks. */
function blockOf({ attribute }: KernelCall, edges: string, kernel: string): number {
  const [block, other] = attribute<[number, number]>("blockShape");
  const moved = attribute<number[][]>(edges)
    .flat()
    .some((entry) => entry !== 0);
  if (block !== other || moved) throw new Error(`${kernel} can be recorded of whole, square blocks only`);
  return block;
}

/** [planes, height, width, 1] to [block * block * planes, height / block, width / block, 1], a place in a block first. */
function spaceToBatch(call: KernelCall): Value {
  const { recorder, input } = call;
  const [x, block] = [input("x"), blockOf(call, "paddings", "SpaceToBatchND")];
  const [planes, height, width] = planesOf(x, "SpaceToBatchND");
  const image = reshape(recorder, x.value, [1, planes, height, width]);
  const inner = [block * block * planes, height / block, width / block];
  const parts = recorder.emit("SpaceToDepth", [image], [1, ...inner], x.dtype, { blocksize: block });
  return reshape(recorder, parts, [...inner, 1]);
}

function batchToSpace(call: KernelCall): Value {
  const { recorder, input } = call;
  const [x, block] = [input("x"), blockOf(call, "crops", "BatchToSpaceND")];
  const [parts, height, width] = planesOf(x, "BatchToSpaceND");
  const planes = parts / (block * block);
  const image = reshape(recorder, x.value, [1, parts, height, width]);
  const outer = [planes, height * block, width * block];
  const whole = recorder.emit("DepthToSpace", [image], [1, ...outer], x.dtype, {
    blocksize: block,
    mode: "DCR",
  });
  return reshape(recorder, whole, [...outer, 1]);
}

/** Half-pixel centres, as in PyTorch's interpolate with align_corners=False. */
function resizeBilinear({ recorder, input, attribute }: KernelCall): Value {
  const x = input("images");
  if (attribute<boolean>("alignCorners") || !attribute<boolean>("halfPixelCenters"))
    throw new Error("ResizeBilinear can be recorded with half-pixel centres only");
  const [planes, height, width] = planesOf(x, "ResizeBilinear");
  const [toHeight, toWidth] = attribute<[number, number]>("size");
  const image = reshape(recorder, x.value, [1, planes, height, width]);
  const size = [1, planes, toHeight, toWidth];
  const resized = recorder.emit("Resize", [image, null, null, recorder.ints(size)], size, x.dtype, {
    mode: "linear",
    coordinate_transformation_mode: "half_pixel",
  });
  return reshape(recorder, resized, [planes, toHeight, toWidth, 1]);
}

export const planeKernels: Kernels = {
  AvgPool: pool("AveragePool"),
  BatchToSpaceND: batchToSpace,
  MaxPool: pool("MaxPool"),
  ResizeBilinear: resizeBilinear,
  SpaceToBatchND: spaceToBatch,
};
