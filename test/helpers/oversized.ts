/** Files that are small on disk and large in memory, as the tests that refuse them make them. */

/** A pickle of EMPTY_DICT again and again: a byte of the file, a map in memory. */
export const emptyDicts = (bytes: number): Buffer =>
  Buffer.concat([Buffer.of(0x80, 2), Buffer.alloc(bytes, "}"), Buffer.of(0x2e)]);

/** A safetensors file of tensors without values. */
export function manyNames(count: number): Uint8Array {
  const entry = JSON.stringify({ dtype: "F32", shape: [0], data_offsets: [0, 0] });
  const json = Buffer.from(`{${Array.from({ length: count }, (_, i) => `"${i}":${entry}`).join()}}`);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}

/** An ONNX file: ir_version, then a graph of nodes of two bytes each. */
export function emptyNodes(bytes: number): Uint8Array {
  const nodes = Buffer.alloc(bytes, Buffer.of(0x0a, 0));
  const length: number[] = [];
  for (let rest = bytes; ; rest >>= 7) {
    length.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.of(0x08, 8, 0x3a, ...length), nodes]);
}
