import { encoderOrder } from "./decoder-order.ts";
import type { ModelFamily } from "../../domain/model-family.ts";

/** An embedding as its encoder gave it, as bytes; every machine that Node runs on here is little endian. */
export const channelsFirst = (data: Float32Array, family: ModelFamily): Uint8Array<ArrayBuffer> =>
  new Uint8Array(encoderOrder(data, family).buffer);
