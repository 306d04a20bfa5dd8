import {
  attribute,
  float32Tensor,
  int64Tensor,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from "../lib/onnx-proto.ts";

/** ONNX nodes written by hand, one after the other, with the constants that they want. */
export class NodeList {
  readonly initializers: OnnxTensor[] = [];
  #nodes: OnnxNode[] = [];
  readonly #constants = new Map<string, string>();
  #count = 0;
  readonly #prefix: string;

  /** `prefix` begins all names that are made up; graphs that are joined want different ones. */
  constructor(prefix = "_post_") {
    this.#prefix = prefix;
  }

  /** Adds a node of one output and gives back that output's name, which is made up unless it is given. */
  add(
    opType: string,
    input: string[],
    attributes: Readonly<Record<string, number | readonly number[] | string>> = {},
    output = `${this.#prefix}${this.#count++}`,
  ): string {
    const list: OnnxAttribute[] = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.#nodes.push({ opType, input, output: [output], attribute: list });
    return output;
  }

  /** The same of a node of two outputs, of which the second is wanted. */
  addSecond(
    opType: string,
    input: string[],
    attributes: Readonly<Record<string, number | readonly number[] | string>> = {},
  ): string {
    const name = this.add(opType, input, attributes);
    const node = this.#nodes.at(-1) as OnnxNode;
    node.output = [`${name}_first`, name];
    return name;
  }

  /** An int64 vector; equal ones are kept once. */
  ints(values: readonly number[]): string {
    return this.#constant(`${this.#prefix}ints_${values.join("_").replaceAll("-", "m")}`, (name) =>
      int64Tensor(name, [values.length], values),
    );
  }

  /** An int64 number without axes: an index that takes its axis away. */
  int(value: number): string {
    return this.#constant(`${this.#prefix}int_${value}`, (name) => int64Tensor(name, [], [value]));
  }

  /** A float32 vector. */
  floats(values: readonly number[]): string {
    return this.#constant(`${this.#prefix}floats_${values.join("_")}`, (name) =>
      float32Tensor(name, [values.length], Float32Array.from(values)),
    );
  }

  /** A float32 number without axes. */
  float(value: number): string {
    return this.#constant(`${this.#prefix}float_${value}`, (name) =>
      float32Tensor(name, [], Float32Array.of(value)),
    );
  }

  /** Nodes of another graph, whose names are no others', and its constants. */
  append({ node, initializer }: { node: readonly OnnxNode[]; initializer: readonly OnnxTensor[] }): void {
    this.#nodes.push(...node);
    this.initializers.push(...initializer);
  }

  /** The nodes so far; the next ones start a new list. */
  take(): OnnxNode[] {
    const taken = this.#nodes;
    this.#nodes = [];
    return taken;
  }

  #constant(name: string, make: (name: string) => OnnxTensor): string {
    if (!this.#constants.has(name)) {
      this.#constants.set(name, name);
      this.initializers.push(make(name));
    }
    return name;
  }
}
