import * as tf from "@tensorflow/tfjs-core";
import type { Value } from "../ir.ts";
import type { Recorder } from "../recorder.ts";
import type { KernelCall, Kernels, Operand } from "./kernel.ts";

const transpose = (recorder: Recorder, value: Value, perm: readonly number[]): Value => {
  const shape = perm.map((axis) => value.shape[axis] as number);
  return recorder.emit("Transpose", [value], shape, value.dtype, { perm });
};

/** tfjs's filters are [height, width, in, out], or [height, width, in, 1] of a depthwise one; ONNX's are [out, in, height, width]. */
const filterAs = (perm: readonly number[], { recorder, input }: KernelCall): Value =>
  transpose(recorder, input("filter").value, perm);

/**
 * Conv, whose images have their channels first; where tfjs's have them last (its default), they are turned before and
 * after. Without dilation.
 */
function convolution(call: KernelCall, depthwise: boolean): Value {
  const { recorder, input, attribute } = call;
  const [x, filter] = [input("x"), input("filter")];
  const last = (attribute<"NHWC" | "NCHW" | undefined>("dataFormat") ?? "NHWC") === "NHWC";
  if (depthwise && filter.shape[3] !== 1)
    throw new Error(`a depthwise filter [${filter.shape.join()}] can't be recorded: one a channel is`);
  const info = tf.backend_util.computeConv2DInfo(
    x.shape as Four,
    filter.shape as Four,
    attribute<number | [number, number]>("strides"),
    attribute<number | [number, number] | undefined>("dilations") ?? 1,
    attribute<"valid" | "same" | number>("pad"),
    attribute<"floor" | "round" | "ceil" | undefined>("dimRoundingMode"),
    depthwise,
    last ? "channelsLast" : "channelsFirst",
  );
  if (info.dilationHeight !== 1 || info.dilationWidth !== 1)
    throw new Error("a convolution with dilation can't be recorded");
  const { padInfo, outShape } = info;
  const images = last ? transpose(recorder, x.value, [0, 3, 1, 2]) : x.value;
  const weight = filterAs(depthwise ? [2, 3, 0, 1] : [3, 2, 0, 1], call);
  const shape = last ? [0, 3, 1, 2].map((axis) => outShape[axis] as number) : outShape;
  const y = recorder.emit("Conv", [images, weight], shape, x.dtype, {
    group: depthwise ? info.inChannels : 1,
    kernel_shape: [info.filterHeight, info.filterWidth],
    strides: [info.strideHeight, info.strideWidth],
    pads: [padInfo.top, padInfo.left, padInfo.bottom, padInfo.right],
  });
  return last ? transpose(recorder, y, [0, 2, 3, 1]) : y;
}

type Four = Operand["shape"] & [number, number, number, number];

export const convolutionKernels: Kernels = {
  Conv2D: (call) => convolution(call, false),
  DepthwiseConv2dNative: (call) => convolution(call, true),
};
