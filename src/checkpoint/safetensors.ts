import type { NamedTensor, NamedTensors } from "./named-tensors.ts";

/** ViT-H's header has 60 kB; the format's own limit is 100 MB (safetensors/src/tensor.rs), which parses to a gigabyte. */
export const maxHeaderBytes = 4 * 1024 * 1024;
/** ViT-H has 596. */
const maxTensors = 20_000;

export interface SafetensorsFile {
  readonly tensors: NamedTensors;
  /** The header's `__metadata__`: text to text. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Writes float32 tensors as a safetensors file: the header, then the values, little endian, in the order of the names.
 * The same tensors give the same bytes. Throws an Error naming a tensor whose values don't fill its shape.
 */
export function encodeSafetensors(
  tensors: NamedTensors,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const entries = Object.entries(tensors).sort(([a], [b]) => (a < b ? -1 : 1));
  const header = safetensorsHeader(
    entries.map(([name, { shape, data }]) => ({ name, shape, bytes: data.byteLength })),
    metadata,
  );
  const end = entries.reduce((sum, [, { data }]) => sum + data.byteLength, header.length);
  const file = new Uint8Array(end);
  file.set(header);
  let offset = header.length;
  for (const [, { data }] of entries) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    offset += data.byteLength;
  }
  return file;
}

/** Number types that are written, and the bytes of one. */
const written = { F32: 4, F16: 2 } as const;

/**
 * What stands before the values of tensors, which follow in this order: 8 bytes of header length, then the JSON header
 * padded with spaces to a multiple of 8. They are float32 where nothing else is said.
 * Throws an Error naming a tensor whose bytes don't fill its shape.
 */
export function safetensorsHeader(
  tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly bytes: number;
    readonly dtype?: keyof typeof written;
  }[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = {};
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0) header.__metadata__ = Object.fromEntries(keys.map((key) => [key, metadata[key]]));
  let end = 0;
  for (const { name, shape, bytes, dtype = "F32" } of tensors) {
    if (name === "__metadata__") throw new Error("a tensor can't be named __metadata__");
    const each = written[dtype];
    if (bytes !== each * sizeOf(shape))
      throw new Error(`${name} holds ${bytes / each} values, its shape says ${sizeOf(shape)}`);
    header[name] = { dtype, shape, data_offsets: [end, (end += bytes)] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20, 8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

/**
 * Reads a safetensors file of float32 tensors; values are copied out of `file`.
 * Throws an Error naming the tensor when the file is cut short, has a hole, an overlap or bytes left over, another
 * dtype than F32, or a shape that does not fit its bytes.
 */
export function decodeSafetensors(file: Uint8Array): SafetensorsFile {
  const { entries, metadata, values } = openedSafetensors(file, { F32: 4 });
  const tensors = entries.map(({ name, shape, begin, end }): [string, NamedTensor] => {
    const from = values.byteOffset + begin;
    return [name, { shape, data: new Float32Array(values.buffer.slice(from, from + end - begin)) }];
  });
  return { tensors: Object.fromEntries(tensors), metadata };
}

/** The header of a whole file, and the bytes behind it. Throws as decodeSafetensors does. */
export function openedSafetensors(
  file: Uint8Array,
  itemBytes: Readonly<Record<string, number>>,
): ReturnType<typeof readHeader> & { values: Uint8Array } {
  if (file.length < 8) throw bad("it is shorter than 8 bytes");
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true));
  if (headerBytes > maxHeaderBytes)
    throw bad(`its header of ${headerBytes} bytes is over the limit of ${maxHeaderBytes}`);
  if (8 + headerBytes > file.length) throw bad(`its header of ${headerBytes} bytes ends after the file`);
  const values = file.subarray(8 + headerBytes);
  return { ...readHeader(file.subarray(8, 8 + headerBytes), values.length, itemBytes), values };
}

/** A tensor in the file: bytes [begin, end) after the header. */
export interface SafetensorsEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * The JSON header: its tensors in the order of their bytes, which fill the `length` bytes behind it without hole or
 * overlap. `itemBytes` are the dtypes that are read, with their bytes a value. Throws an Error as decodeSafetensors does.
 */
export function readHeader(
  bytes: Uint8Array,
  length: number,
  itemBytes: Readonly<Record<string, number>>,
): { entries: SafetensorsEntry[]; metadata: Record<string, string> } {
  const header = parseHeader(bytes);
  const entries = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => readEntry(name, entry, itemBytes))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { name, begin, end } of entries) {
    if (begin < at) throw bad(`${name} overlaps the tensor before it`);
    if (begin > at) throw bad(`there is a hole of ${begin - at} bytes before ${name}`);
    if (end > length) throw bad(`${name} ends at byte ${end}, the values at ${length}`);
    at = end;
  }
  if (at !== length) throw bad(`${length - at} bytes are left over after the last tensor`);
  return { entries, metadata: readMetadata(header.__metadata__) };
}

const bad = (why: string): Error => new Error(`not a valid safetensors file: ${why}`);
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);

/** Every tensor is an object of the header: told from its bytes, before anything is made of them. */
function checkCount(bytes: Uint8Array): void {
  let objects = 0;
  for (let at = bytes.indexOf(0x7b); at >= 0; at = bytes.indexOf(0x7b, at + 1))
    if (++objects > maxTensors + 2) throw bad(`its header names more than ${maxTensors} tensors`);
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  checkCount(bytes);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Error("not a valid safetensors file: its header is not JSON", { cause: error });
  }
  if (!isRecord(header)) throw bad("its header is not a JSON object");
  return header;
}

function readEntry(
  name: string,
  entry: unknown,
  itemBytes: Readonly<Record<string, number>>,
): SafetensorsEntry {
  if (!isRecord(entry)) throw bad(`${name} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(itemBytes, dtype)) {
    const known = Object.keys(itemBytes).join(", ");
    throw bad(`${name} has dtype ${String(dtype)}; only ${known} ${known.includes(",") ? "are" : "is"} read`);
  }
  if (!isCounts(shape)) throw bad(`${name} has a shape that is not a list of whole numbers`);
  if (!isCounts(offsets) || offsets.length !== 2)
    throw bad(`${name} has data_offsets that are not two whole numbers`);
  const [begin = 0, end = 0] = offsets;
  const wanted = sizeOf(shape) * (itemBytes[dtype] as number);
  if (end - begin !== wanted) {
    throw bad(`${name} has ${end - begin} bytes, its shape [${shape.join()}] wants ${wanted}`);
  }
  return { name, dtype, shape, begin, end };
}

function readMetadata(value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isRecord(value)) throw bad("its __metadata__ is not an object");
  const entries = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text !== "string") throw bad(`its __metadata__.${key} is not text`);
    return [key, text];
  });
  return Object.fromEntries(entries);
}
