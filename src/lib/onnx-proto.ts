import protobuf from "protobufjs/light.js";
import { checkParts, TooManyParts } from "./protobuf-parts.ts";

/**
 * The part of onnx.proto3 that this project reads and writes, field numbers as in onnx/onnx.proto3 of the ONNX
 * repository. 64-bit integers are plain numbers; bytes are views into the file where it was read.
 * Other fields (functions, sparse tensors, sequence and map types) are dropped on reading.
 */
export interface OnnxModel {
  irVersion: number;
  producerName?: string;
  producerVersion?: string;
  opsetImport: { domain?: string; version: number }[];
  graph: OnnxGraph;
  metadataProps?: OnnxEntry[];
}

export interface OnnxGraph {
  name: string;
  node: OnnxNode[];
  initializer: OnnxTensor[];
  input: OnnxValueInfo[];
  output: OnnxValueInfo[];
  valueInfo?: OnnxValueInfo[];
}

export interface OnnxNode {
  opType: string;
  /** "" stands for an optional input that is left out. */
  input: string[];
  output: string[];
  name?: string;
  domain?: string;
  attribute?: OnnxAttribute[];
}

/** One of the value fields is set, and `type` (see `attributeType`) says which. */
export interface OnnxAttribute {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  t?: OnnxTensor;
  g?: OnnxGraph;
  floats?: number[];
  ints?: number[];
  strings?: Uint8Array[];
}

/** Row-major. The values are in rawData (little endian), or in the typed list, or in an external file. */
export interface OnnxTensor {
  name?: string;
  dims: number[];
  /** See `dataType`. */
  dataType: number;
  rawData?: Uint8Array;
  floatData?: number[];
  int32Data?: number[];
  int64Data?: number[];
  /** Keys location, offset, length; used when dataLocation is 1. */
  externalData?: OnnxEntry[];
  dataLocation?: number;
}

export interface OnnxValueInfo {
  name: string;
  type?: OnnxType;
}

/** A dimension has a value, or a parameter's name, or neither (unknown). */
export interface OnnxType {
  tensorType?: { elemType: number; shape?: { dim: { dimValue?: number; dimParam?: string }[] } };
}

export interface OnnxEntry {
  key: string;
  value: string;
}

/** TensorProto.DataType. */
export const dataType = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
} as const;

/** AttributeProto.AttributeType. */
export const attributeType = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
} as const;

const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: "repeated" as const, type, id });

const messages: Record<string, Record<string, protobuf.IField>> = {
  ModelProto: {
    irVersion: one("int64", 1),
    producerName: one("string", 2),
    producerVersion: one("string", 3),
    graph: one("GraphProto", 7),
    opsetImport: many("OperatorSetIdProto", 8),
    metadataProps: many("StringStringEntryProto", 14),
  },
  OperatorSetIdProto: { domain: one("string", 1), version: one("int64", 2) },
  StringStringEntryProto: { key: one("string", 1), value: one("string", 2) },
  GraphProto: {
    node: many("NodeProto", 1),
    name: one("string", 2),
    initializer: many("TensorProto", 5),
    input: many("ValueInfoProto", 11),
    output: many("ValueInfoProto", 12),
    valueInfo: many("ValueInfoProto", 13),
  },
  NodeProto: {
    input: many("string", 1),
    output: many("string", 2),
    name: one("string", 3),
    opType: one("string", 4),
    attribute: many("AttributeProto", 5),
    domain: one("string", 7),
  },
  AttributeProto: {
    name: one("string", 1),
    f: one("float", 2),
    i: one("int64", 3),
    s: one("bytes", 4),
    t: one("TensorProto", 5),
    g: one("GraphProto", 6),
    floats: many("float", 7),
    ints: many("int64", 8),
    strings: many("bytes", 9),
    type: one("int32", 20),
  },
  TensorProto: {
    dims: many("int64", 1),
    dataType: one("int32", 2),
    floatData: many("float", 4),
    int32Data: many("int32", 5),
    int64Data: many("int64", 7),
    name: one("string", 8),
    rawData: one("bytes", 9),
    externalData: many("StringStringEntryProto", 13),
    dataLocation: one("int32", 14),
  },
  ValueInfoProto: { name: one("string", 1), type: one("TypeProto", 2) },
  TypeProto: { tensorType: one("TensorTypeProto", 1) },
  TensorTypeProto: { elemType: one("int32", 1), shape: one("TensorShapeProto", 2) },
  TensorShapeProto: { dim: many("DimensionProto", 1) },
  DimensionProto: { dimValue: one("int64", 1), dimParam: one("string", 2) },
};

/** Edition 2023 writes a zero that was set (proto3 drops it), as PyTorch's exporter does, and packs lists of numbers. */
const root = protobuf.Root.fromJSON({
  nested: {
    onnx: {
      nested: Object.fromEntries(
        Object.entries(messages).map(([name, fields]) => [name, { edition: "2023", fields }]),
      ),
    },
  },
});
const Model = root.lookupType("onnx.ModelProto");

/** Reads an ONNX file. Throws an Error when the bytes are not a model with a graph, and TooManyParts. */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  let fields: Record<string, unknown>;
  try {
    checkParts(Model, bytes);
  } catch (error) {
    // What is no protobuf is told below.
    if (error instanceof TooManyParts) throw error;
  }
  try {
    fields = Model.toObject(Model.decode(bytes), { longs: Number, arrays: true });
  } catch (error) {
    throw new Error("not an ONNX file: its protobuf can't be read", { cause: error });
  }
  if (!isModel(fields)) throw new Error("not an ONNX file: it holds no graph");
  return fields;
}

/** protobufjs has checked every type by the descriptor above; what is left open is whether a graph is there. */
const isModel = (fields: object): fields is OnnxModel => "graph" in fields;

/** Writes an ONNX file; the same model gives the same bytes. */
export function encodeModel(model: OnnxModel): Uint8Array {
  return Model.encode(Model.fromObject(model)).finish();
}

/** A float32 tensor's values as a copy, whatever field they lie in. Throws an Error naming a tensor of another type or size. */
export function float32Values(tensor: OnnxTensor): Float32Array {
  const name = tensor.name ?? "";
  if (tensor.dataType !== dataType.float)
    throw new Error(`tensor ${name} has ONNX data type ${tensor.dataType}, not float32`);
  if (tensor.dataLocation === 1) throw new Error(`tensor ${name} lies in an external file`);
  const size = tensor.dims.reduce((a, b) => a * b, 1);
  const raw = tensor.rawData;
  const values = raw?.length
    ? new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength))
    : Float32Array.from(tensor.floatData ?? []);
  if (values.length !== size)
    throw new Error(`tensor ${name} holds ${values.length} values, its shape says ${size}`);
  return values;
}

/** A tensor of int64 values as numbers. Throws an Error naming a tensor of another type. */
export function int64Values(tensor: OnnxTensor): number[] {
  if (tensor.dataType !== dataType.int64)
    throw new Error(`tensor ${tensor.name ?? ""} has ONNX data type ${tensor.dataType}, not int64`);
  const raw = tensor.rawData;
  if (!raw?.length) return tensor.int64Data ?? [];
  return Array.from(
    new BigInt64Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength)),
    Number,
  );
}

/** The bytes of a typed array, as rawData wants them, without a copy. */
const bytesOf = (values: Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

/** A float32 initialiser. */
export const float32Tensor = (name: string, dims: readonly number[], values: Float32Array): OnnxTensor => ({
  name,
  dims: [...dims],
  dataType: dataType.float,
  rawData: bytesOf(values),
});

/** An int64 initialiser (shapes, axes). */
export const int64Tensor = (
  name: string,
  dims: readonly number[],
  values: readonly number[],
): OnnxTensor => ({
  name,
  dims: [...dims],
  dataType: dataType.int64,
  rawData: bytesOf(BigInt64Array.from(values, BigInt)),
});

/** An input or output of the graph; a string is a dimension that is free at run time. */
export const valueInfo = (
  name: string,
  elemType: number,
  dims: readonly (number | string)[],
): OnnxValueInfo => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: dims.map((d) => (typeof d === "number" ? { dimValue: d } : { dimParam: d })) },
    },
  },
});

/** An attribute of a node; its kind follows from the value: a whole number or a list of them, text, or a tensor. */
export function attribute(
  name: string,
  value: number | readonly number[] | string | OnnxTensor,
): OnnxAttribute {
  if (typeof value === "number") return { name, type: attributeType.int, i: value };
  if (typeof value === "string")
    return { name, type: attributeType.string, s: new TextEncoder().encode(value) };
  if ("dims" in value) return { name, type: attributeType.tensor, t: value };
  return { name, type: attributeType.ints, ints: [...value] };
}

/** A float attribute (epsilon, alpha): a number by itself does not tell it from a whole one. */
export const floatAttribute = (name: string, value: number): OnnxAttribute => ({
  name,
  type: attributeType.float,
  f: value,
});
