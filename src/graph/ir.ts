/**
 * The graph between recording and ONNX: values, the nodes that make them, and constants.
 * Op names and attributes are ONNX's (opset 21); a few ORT-only ones carry the domain `com.microsoft`.
 */
/** `uint8` is of inputs only, which are read as float32. */
export type Dtype = "float32" | "int32" | "bool" | "int64" | "uint8";

/**
 * A size that follows the graph's free dimensions: `offset` and, for each product of them, a factor; all whole numbers.
 * A product is named by its dimensions in the order of the alphabet, `height*width`.
 */
export interface FreeSize {
  readonly offset: number;
  readonly factors: Readonly<Record<string, number>>;
}

/** Sizes of the free dimensions, by name. */
export type Sizes = Readonly<Record<string, number>>;

/** A size known when the graph is made, or one that follows the free dimensions. */
export type Dim = number | FreeSize;

/** What flows along an edge. Identity is the object itself. */
export interface Value {
  /** Unique in its graph; inputs and outputs keep the caller's names. */
  readonly name: string;
  readonly shape: readonly Dim[];
  readonly dtype: Dtype;
}

/** A value known when the graph is made. `ints` are int64 vectors (shapes, axes, bounds) and may hold free sizes. */
export type Constant =
  | { readonly kind: "data"; readonly data: Float32Array | Int32Array | Uint8Array }
  | { readonly kind: "ints"; readonly ints: readonly Dim[] };

/** A whole number, a list of them, text, or a float (which ONNX tells from a whole number). */
export type Attribute = number | readonly number[] | string | { readonly float: number };

export interface Node {
  readonly op: string;
  readonly domain: "" | "com.microsoft";
  /** Null stands for an optional input that is left out. */
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Nodes are in an order in which they can run. */
export interface Graph {
  readonly inputs: readonly Value[];
  readonly outputs: readonly { readonly name: string; readonly value: Value }[];
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<Value, Constant>;
}

export const isFixed = (dim: Dim): dim is number => typeof dim === "number";

/** A size plainly that of one free dimension. */
export const freeSize = (name: string, factor = 1): FreeSize => ({ offset: 0, factors: { [name]: factor } });

/** The dimensions that a product is of. */
export const dimensionsOf = (product: string): string[] => product.split("*");

export const timesFixed = ({ offset, factors }: FreeSize, by: number): FreeSize => ({
  offset: offset * by,
  factors: Object.fromEntries(Object.entries(factors).map(([product, factor]) => [product, factor * by])),
});

const sameDim = (a: Dim, b: Dim): boolean => (isFixed(a) || isFixed(b) ? a === b : dimText(a) === dimText(b));

export const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, i) => sameDim(dim, b[i] as Dim));

/** For messages and keys: `7`, or `3+2n`. */
export function dimText(dim: Dim): string {
  if (isFixed(dim)) return `${dim}`;
  const terms = Object.entries(dim.factors).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${dim.offset}${terms.map(([product, factor]) => `${factor < 0 ? "" : "+"}${factor}${product}`).join("")}`;
}

/** The size once the free dimensions are known. */
export const dimAt = (dim: Dim, sizes: Sizes): number =>
  isFixed(dim)
    ? dim
    : Object.entries(dim.factors).reduce(
        (sum, [product, factor]) => sum + factor * productAt(product, sizes),
        dim.offset,
      );

/** A product of dimensions once they are known; the empty one is 1. */
export const productAt = (product: string, sizes: Sizes): number =>
  product === "" ? 1 : dimensionsOf(product).reduce((size, name) => size * (sizes[name] as number), 1);

/** A shape without a free dimension, or null. */
export const fixedShape = (shape: readonly Dim[]): number[] | null =>
  shape.every(isFixed) ? [...shape] : null;

/** Which node makes each value; inputs and constants are missing. */
export function producers(graph: Graph): Map<Value, Node> {
  const map = new Map<Value, Node>();
  for (const node of graph.nodes) for (const output of node.outputs) map.set(output, node);
  return map;
}

/** How often each value is read, graph outputs included. */
export function useCounts(graph: Graph): Map<Value, number> {
  const counts = new Map<Value, number>();
  const use = (value: Value): void => {
    counts.set(value, (counts.get(value) ?? 0) + 1);
  };
  for (const node of graph.nodes) for (const input of node.inputs) if (input) use(input);
  for (const output of graph.outputs) use(output.value);
  return counts;
}

/** The single float of a constant whose entries are all the same number, else null. */
export function uniform(graph: Graph, value: Value | null | undefined): number | null {
  const constant = value ? graph.constants.get(value) : undefined;
  if (constant?.kind !== "data" || constant.data.length === 0) return null;
  const first = constant.data[0] as number;
  return constant.data.every((entry) => entry === first) ? first : null;
}

/** The whole numbers of an `ints` constant without free sizes, else null. */
export function fixedInts(graph: Graph, value: Value | null | undefined): number[] | null {
  const constant = value ? graph.constants.get(value) : undefined;
  return constant?.kind === "ints" ? fixedShape(constant.ints) : null;
}
