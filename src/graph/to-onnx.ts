import {
  attribute,
  dataType,
  encodeModel,
  float32Tensor,
  floatAttribute,
  int64Tensor,
  valueInfo,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from "../lib/onnx-proto.ts";
import {
  type Attribute,
  type Dim,
  dimensionsOf,
  dimText,
  type Dtype,
  fixedShape,
  type FreeSize,
  type Graph,
  isFixed,
  type Node,
  type Value,
} from "./ir.ts";

/**
 * onnxruntime 1.30 runs all of it; LayerNormalization needs 17, Gelu 20, axes as inputs 18. AveragePool is vectorised up
 * to 18 only: from 19 on it is some hundred times slower.
 */
const [opset, pooledOpset] = [21, 18];
/** ONNX IR version 10 belongs to opset 21. */
const irVersion = 10;

const elementType: Readonly<Record<Dtype, number>> = {
  float32: dataType.float,
  int32: dataType.int32,
  int64: dataType.int64,
  bool: dataType.bool,
  uint8: dataType.uint8,
};

/** Where a weight's values lie: in a file beside the model, so that neither has ONNX's limit of 2 GiB. */
export interface StoredTensor {
  /** File name in the model's own folder. */
  readonly location: string;
  /** In bytes. */
  readonly offset: number;
  readonly length: number;
}

/**
 * The graph as the bytes of an ONNX file. The same graph gives the same bytes.
 * Inputs named in `stored` become weights whose values are read from another file. Throws an Error when no input tells
 * a free dimension's size.
 */
export function toOnnx(
  graph: Graph,
  options: { producer?: string; stored?: ReadonlyMap<string, StoredTensor> } = {},
): Uint8Array {
  const { stored = new Map<string, StoredTensor>() } = options;
  const names = new Map<Value, string>();
  graph.inputs.forEach((value) => names.set(value, value.name));
  let count = 0;
  const nameOf = (value: Value): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const name = `_${count++}`;
    names.set(value, name);
    return name;
  };
  const initializer: OnnxTensor[] = [];
  for (const value of graph.inputs) {
    const place = stored.get(value.name);
    if (place) initializer.push(externalTensor(value, place));
  }
  const node: OnnxNode[] = [];
  const sizes = new FreeSizes(graph, node, initializer);

  // An output keeps the caller's name without a copying node, unless it is an input or named twice.
  const copies: OnnxNode[] = [];
  for (const { name, value } of graph.outputs) {
    if (names.has(value) || graph.constants.has(value))
      copies.push({ opType: "Identity", input: [nameOf(value)], output: [name] });
    else names.set(value, name);
  }
  const used = new Set(graph.nodes.flatMap((n) => n.inputs).concat(graph.outputs.map((o) => o.value)));
  for (const [value, constant] of graph.constants) {
    if (!used.has(value)) continue;
    if (constant.kind === "data") initializer.push(dataTensor(nameOf(value), value, constant.data));
    else names.set(value, sizes.vector(constant.ints, isShapeOnly(graph, value)));
  }
  for (const n of graph.nodes) {
    node.push({
      opType: n.op,
      domain: n.domain,
      input: n.inputs.map((value) => (value ? nameOf(value) : "")),
      output: n.outputs.map(nameOf),
      attribute: Object.entries(n.attributes).map(([key, value]) => onnxAttribute(n, key, value)),
    });
  }
  const info = (name: string, { shape, dtype }: Value) =>
    valueInfo(name, elementType[dtype], shape.map(onnxDim));
  const pooled = graph.nodes.some(({ op }) => op === "AveragePool");
  return encodeModel({
    irVersion,
    producerName: options.producer ?? "maskwright",
    opsetImport: [
      { domain: "", version: pooled ? pooledOpset : opset },
      ...(graph.nodes.some((n) => n.domain !== "") ? [{ domain: "com.microsoft", version: 1 }] : []),
    ],
    graph: {
      name: "graph",
      node: [...node, ...copies],
      initializer,
      input: graph.inputs.filter(({ name }) => !stored.has(name)).map((value) => info(value.name, value)),
      output: graph.outputs.map(({ name, value }) => info(name, value)),
    },
  });
}

const onnxDim = (dim: Dim): number | string => (isFixed(dim) ? dim : (plainly(dim)?.name ?? dimText(dim)));

/** The one free dimension that a size is a multiple of, null where it is anything else. */
function plainly({ offset, factors }: FreeSize): { name: string; factor: number } | null {
  const [only, another] = Object.entries(factors);
  if (offset !== 0 || !only || another || dimensionsOf(only[0]).length > 1) return null;
  return { name: only[0], factor: only[1] };
}

function onnxAttribute(node: Node, name: string, value: Attribute): OnnxAttribute {
  if (typeof value !== "object" || Array.isArray(value))
    return attribute(name, value as number | number[] | string);
  const float = (value as { float: number }).float;
  if (node.op !== "ConstantOfShape") return floatAttribute(name, float);
  const dtype = node.outputs[0]?.dtype ?? "float32";
  return attribute(name, dataTensor("", { name: "", shape: [1], dtype }, [float]));
}

function dataTensor(name: string, value: Value, data: ArrayLike<number>): OnnxTensor {
  const dims = fixedShape(value.shape);
  if (!dims) throw new Error(`constant ${value.name} has a free size`);
  if (value.dtype === "float32") return float32Tensor(name, dims, Float32Array.from(data));
  if (value.dtype === "int64") return int64Tensor(name, dims, Array.from(data));
  const packed = value.dtype === "int32" ? Int32Array.from(data) : Uint8Array.from(data);
  const rawData = new Uint8Array(packed.buffer, packed.byteOffset, packed.byteLength);
  return { name, dims, dataType: elementType[value.dtype], rawData };
}

function externalTensor(value: Value, { location, offset, length }: StoredTensor): OnnxTensor {
  const dims = fixedShape(value.shape);
  if (!dims) throw new Error(`the stored weight ${value.name} has a free size`);
  const externalData = Object.entries({ location, offset, length }).map(([key, text]) => ({
    key,
    value: String(text),
  }));
  return { name: value.name, dims, dataType: elementType[value.dtype], dataLocation: 1, externalData };
}

/** Whether an int64 vector is read only as the shape of a Reshape, where one entry may be left open as -1. */
const isShapeOnly = (graph: Graph, value: Value): boolean =>
  graph.nodes.every((n) => n.inputs.every((input, i) => input !== value || (n.op === "Reshape" && i === 1)));

/** Writes whole-number vectors, those that follow free dimensions as a computation from inputs' shapes. */
class FreeSizes {
  readonly #graph: Graph;
  readonly #node: OnnxNode[];
  readonly #initializer: OnnxTensor[];
  readonly #made = new Map<string, string>();

  constructor(graph: Graph, node: OnnxNode[], initializer: OnnxTensor[]) {
    this.#graph = graph;
    this.#node = node;
    this.#initializer = initializer;
  }

  /** The name of an int64 vector; equal vectors share one. */
  vector(ints: readonly Dim[], shapeOnly = false): string {
    const free = ints.filter((dim) => !isFixed(dim)).length;
    const fixed = fixedShape(free === 1 && shapeOnly ? ints.map((d) => (isFixed(d) ? d : -1)) : ints);
    if (fixed)
      return this.#once(`_ints_${fixed.join("_").replaceAll("-", "m")}`, (name) => {
        this.#initializer.push(int64Tensor(name, [fixed.length], fixed));
      });
    return this.#once(`_sizes_${ints.map(dimText).join("_")}`, (name) => {
      const parts = ints.map((dim) => (isFixed(dim) ? this.vector([dim]) : this.#entry(dim)));
      this.#emit("Concat", parts, name, [attribute("axis", 0)]);
    });
  }

  /** One size as a vector of one entry. */
  #entry(dim: FreeSize): string {
    return this.#once(`_size_${dimText(dim)}`, (name) => {
      const terms = Object.entries(dim.factors).map(([product, factor]) => {
        const size = dimensionsOf(product)
          .map((dimension) => this.#dimension(dimension))
          .reduce((a, b) => this.#derived("Mul", a, b));
        return factor === 1 ? size : this.#derived("Mul", size, this.vector([factor]));
      });
      const all = dim.offset === 0 ? terms : [...terms, this.vector([dim.offset])];
      this.#emit("Identity", [all.reduce((a, b) => this.#derived("Add", a, b))], name);
    });
  }

  #derived(op: "Mul" | "Add", a: string, b: string): string {
    return this.#once(`${a}_${op}_${b}`, (name) => this.#emit(op, [a, b], name));
  }

  /** A free dimension's own size, read from the first input that has a multiple of it. */
  #dimension(dimension: string): string {
    return this.#once(`_dimension_${dimension}`, (name) => {
      for (const input of this.#graph.inputs) {
        const multiples = input.shape.map((dim) => (isFixed(dim) ? null : plainly(dim)));
        const axis = multiples.findIndex((dim) => dim?.name === dimension);
        const factor = multiples[axis]?.factor;
        if (factor === undefined) continue;
        const shape = this.#once(`_shape_${input.name}`, (own) => this.#emit("Shape", [input.name], own));
        const whole = factor === 1 ? name : `${name}_x${factor}`;
        this.#emit("Gather", [shape, this.vector([axis])], whole, [attribute("axis", 0)]);
        if (factor !== 1) this.#emit("Div", [whole, this.vector([factor])], name);
        return;
      }
      throw new Error(`no input tells the size of the free dimension ${dimension}`);
    });
  }

  #once(key: string, make: (name: string) => void): string {
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    this.#made.set(key, key);
    make(key);
    return key;
  }

  #emit(opType: string, input: string[], output: string, attributes: OnnxAttribute[] = []): void {
    this.#node.push({ opType, input, output: [output], attribute: attributes });
  }
}
