import protobuf from "protobufjs/light.js";

/**
 * Nodes, attributes, weights, names and all other parts of an ONNX model together; MobileSAM's encoder has 17,888. A part
 * can stand in two bytes of the file and takes a hundred times as many in memory.
 */
export const maxParts = 500_000;

/** A model has more parts than are read. */
export class TooManyParts extends Error {
  constructor() {
    super(`the ONNX file has more than ${maxParts} nodes, weights, names and values`);
  }
}

/** Goes over a message's fields without making anything of them. Throws TooManyParts; an Error where it is no protobuf. */
export function checkParts(type: protobuf.Type, bytes: Uint8Array): void {
  const reader = protobuf.Reader.create(bytes);
  let parts = 0;
  const walk = (at: protobuf.Type, end: number): void => {
    while (reader.pos < end) {
      if (++parts > maxParts) throw new TooManyParts();
      const tag = reader.uint32();
      const field = at.fieldsById[tag >>> 3]?.resolve();
      if ((tag & 7) === 2 && field?.resolvedType instanceof protobuf.Type) {
        const length = reader.uint32();
        walk(field.resolvedType, reader.pos + length);
      } else reader.skipType(tag & 7);
    }
  };
  walk(type, bytes.length);
}
