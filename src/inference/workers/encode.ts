import type { Tensor } from "../../lib/onnxruntime.ts";
import { cropImage } from "../../imaging/crop.ts";
import { decodeImage } from "../../imaging/decode.ts";
import type { EncoderInput } from "../../checkpoint/base-models.ts";
import { type Flip, flipImage } from "../../imaging/flips.ts";
import { encoderInput, resizedImage } from "../../imaging/preprocess.ts";
import type { Box, RgbImage } from "../../imaging/types.ts";
import { sha256 } from "../../lib/hash.ts";
import { type Outcome, settle } from "../../lib/outcome.ts";
import { float32, soleSessionOf } from "./session.ts";
import type { ImageEmbedding } from "../types.ts";

/** An image as it is stored. */
interface ImageFile {
  readonly bytes: Uint8Array;
  /** Of the bytes, as the caller knows it: the embedding will be kept under it. */
  readonly sha256: string;
}

/** An image, or its pixels where they are known: parts of one image are encoded without decoding it for each. */
export interface EncodeTask {
  readonly image: ImageFile | RgbImage;
  /** Only this rectangle is encoded, as if it were the image. */
  readonly region?: Box | undefined;
  /** And so flipped. */
  readonly flip?: Flip | undefined;
  readonly encoderPath: string;
  readonly encoderInput: EncoderInput;
  readonly threads: number;
  readonly maxPixels: number;
}

/** Image bytes to embedding, whole: decode, crop, resize, normalise, encode, channels last. */
export default (task: EncodeTask): Promise<Outcome<ImageEmbedding>> => settle(() => encode(task));

async function encode(task: EncodeTask): Promise<ImageEmbedding> {
  const whole = "bytes" in task.image ? await decoded(task.image, task) : task.image;
  const cropped = task.region ? cropImage(whole, task.region) : whole;
  const image = task.flip ? flipImage(cropped, task.flip) : cropped;
  const session = await soleSessionOf(task.encoderPath, task.threads);
  const [input, output] = [session.inputNames[0] as string, session.outputNames[0] as string];
  const result = await session.run({ [input]: inputOf(image, task.encoderInput) });
  const channelsFirst = result[output]?.data;
  if (!(channelsFirst instanceof Float32Array) || channelsFirst.length !== channels * cells) {
    throw new Error(`${task.encoderPath} gave no [1,256,64,64] float32 embedding`);
  }
  return { data: channelsLast(channelsFirst), width: image.width, height: image.height };
}

async function decoded(file: ImageFile, { maxPixels }: EncodeTask): Promise<RgbImage> {
  if (sha256(file.bytes) !== file.sha256)
    throw new Error(`the image's bytes are not those of ${file.sha256}`);
  return decodeImage(file.bytes, { maxPixels });
}

function inputOf(image: RgbImage, input: EncoderInput): Tensor {
  if (input === "normalised") return float32(encoderInput(image), [1, 3, 1024, 1024]);
  const { width, height, data } = resizedImage(image);
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
