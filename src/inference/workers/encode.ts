import type { Tensor } from "../../lib/onnxruntime.ts";
import { cropImage } from "../../imaging/crop.ts";
import type { EncoderInput } from "../../checkpoint/base-models.ts";
import { asHalves } from "../../checkpoint/halves.ts";
import { embeddingLength, fits, type ModelFamily } from "../../domain/model-family.ts";
import { type Flip, flipImage } from "../../imaging/flips.ts";
import { paddedInput, resizedImage } from "../../imaging/preprocess.ts";
import { stretchedInput } from "../../imaging/stretched-input.ts";
import type { Box, RgbImage } from "../../imaging/types.ts";
import { type Outcome, settle } from "../../lib/outcome.ts";
import { decoderOrder } from "../embedding/decoder-order.ts";
import { float32, soleSessionOf } from "./session.ts";
import type { ImageEmbedding, ResizedImage } from "../types.ts";

export interface EncodeTask {
  /** A whole image as the encoder sees it, or its pixels: parts of one image are encoded without decoding it for each. */
  readonly image: ResizedImage | RgbImage;
  /** Only this rectangle is encoded, as if it were the image. */
  readonly region?: Box | undefined;
  /** And so flipped. */
  readonly flip?: Flip | undefined;
  readonly family: ModelFamily;
  readonly encoderPath: string;
  readonly encoderInput: EncoderInput;
  readonly threads: number;
}

/** Pixels to embedding: crop, flip, resize, normalise, encode, in the decoder's order. SAM 2's is rounded to float16, as it is stored. */
export const encode = (task: EncodeTask): Promise<Outcome<ImageEmbedding>> => settle(() => run(task));

async function run(task: EncodeTask): Promise<ImageEmbedding> {
  const image = "resized" in task.image ? task.image : seen(task.image, task);
  const { family } = task;
  const session = await soleSessionOf(task.encoderPath, task.threads);
  const [input, output] = [session.inputNames[0] as string, session.outputNames[0] as string];
  const result = await session.run({ [input]: inputOf(image, task.encoderInput) });
  const flat = result[output]?.data;
  const length = embeddingLength(family);
  if (!(flat instanceof Float32Array) || flat.length !== length)
    throw new Error(`${task.encoderPath} gave no float32 embedding of ${length} numbers`);
  const data = decoderOrder(flat, family);
  if (family === "sam2") asHalves(data);
  return { family, data, width: image.width, height: image.height };
}

/** What an encoder sees: `resized` has its longest side at 1024, `whole` is still to be stretched. */
type Seen = ResizedImage | { readonly width: number; readonly height: number; readonly whole: RgbImage };

function seen(pixels: RgbImage, { region, flip, family }: EncodeTask): Seen {
  const cropped = region ? cropImage(pixels, region) : pixels;
  const image = flip ? flipImage(cropped, flip) : cropped;
  const { width, height } = image;
  if (fits[family] === "stretched") return { width, height, whole: image };
  return { width, height, resized: resizedImage(image) };
}

function inputOf(image: Seen, input: EncoderInput): Tensor {
  if ("whole" in image) return float32(stretchedInput(image.whole), [1, 3, 1024, 1024]);
  const { resized } = image;
  if (input === "normalised") return float32(paddedInput(resized), [1, 3, 1024, 1024]);
  const { width, height, data } = resized;
  return float32(Float32Array.from(data), [height, width, 3]);
}
