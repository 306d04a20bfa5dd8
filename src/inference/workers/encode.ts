import type { Tensor } from "../../lib/onnxruntime.ts";
import { cropImage } from "../../imaging/crop.ts";
import type { EncoderInput } from "../../checkpoint/base-models.ts";
import { type Flip, flipImage } from "../../imaging/flips.ts";
import { paddedInput, resizedImage } from "../../imaging/preprocess.ts";
import type { Box, RgbImage } from "../../imaging/types.ts";
import { type Outcome, settle } from "../../lib/outcome.ts";
import { float32, soleSessionOf } from "./session.ts";
import type { ImageEmbedding, ResizedImage } from "../types.ts";

export interface EncodeTask {
  /** A whole image as the encoder sees it, or its pixels: parts of one image are encoded without decoding it for each. */
  readonly image: ResizedImage | RgbImage;
  /** Only this rectangle is encoded, as if it were the image. */
  readonly region?: Box | undefined;
  /** And so flipped. */
  readonly flip?: Flip | undefined;
  readonly encoderPath: string;
  readonly encoderInput: EncoderInput;
  readonly threads: number;
}

/** Pixels to embedding: crop, flip, resize, normalise, encode, channels last. */
export const encode = (task: EncodeTask): Promise<Outcome<ImageEmbedding>> => settle(() => run(task));

async function run(task: EncodeTask): Promise<ImageEmbedding> {
  const image = "resized" in task.image ? task.image : seen(task.image, task);
  const session = await soleSessionOf(task.encoderPath, task.threads);
  const [input, output] = [session.inputNames[0] as string, session.outputNames[0] as string];
  const result = await session.run({ [input]: inputOf(image.resized, task.encoderInput) });
  const channelsFirst = result[output]?.data;
  if (!(channelsFirst instanceof Float32Array) || channelsFirst.length !== channels * cells) {
    throw new Error(`${task.encoderPath} gave no [1,256,64,64] float32 embedding`);
  }
  return { data: channelsLast(channelsFirst), width: image.width, height: image.height };
}

function seen(pixels: RgbImage, { region, flip }: EncodeTask): ResizedImage {
  const cropped = region ? cropImage(pixels, region) : pixels;
  const image = flip ? flipImage(cropped, flip) : cropped;
  return { width: image.width, height: image.height, resized: resizedImage(image) };
}

function inputOf(resized: RgbImage, input: EncoderInput): Tensor {
  if (input === "normalised") return float32(paddedInput(resized), [1, 3, 1024, 1024]);
  const { width, height, data } = resized;
  return float32(Float32Array.from(data), [height, width, 3]);
}

const channels = 256;
const cells = 64 * 64;

/** [256, 4096] to [4096, 256], on shared memory. */
function channelsLast(from: Float32Array): Float32Array {
  const to = new Float32Array(new SharedArrayBuffer(from.byteLength));
  for (let cell = 0, at = 0; cell < cells; cell++) {
    for (let c = 0; c < channels; c++, at++) to[at] = from[c * cells + cell] as number;
  }
  return to;
}
