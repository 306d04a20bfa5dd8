import {
  type Attribute,
  type Constant,
  type Dim,
  type Dtype,
  type Graph,
  type Node,
  producers,
  useCounts,
  type Value,
} from "../ir.ts";

/** What a rewriting rule may look at and do. */
export interface Rewriting {
  readonly graph: Graph;
  /** The node that makes a value, in its present form; undefined for inputs and constants. */
  readonly maker: (value: Value | null | undefined) => Node | undefined;
  /** How often a value was read before this pass; a rule asks it to see whether a rewrite pays, not whether it is right. */
  readonly uses: (value: Value) => number;
  readonly emit: (
    op: string,
    inputs: readonly (Value | null)[],
    output: { shape: readonly Dim[]; dtype?: Dtype },
    attributes?: Readonly<Record<string, Attribute>>,
  ) => Value;
  /** Writes down a node with several outputs. */
  readonly emitNode: (node: Node) => void;
  /** Later nodes read another value in this one's place. */
  readonly replace: (value: Value, by: Value) => void;
  readonly constant: (constant: Constant, shape: readonly number[], dtype: Dtype) => Value;
}

/** Returns what stands for the node's outputs from now on, or null to leave the node as it is. */
export type Rule = (node: Node, rewriting: Rewriting) => readonly Value[] | null;

/** Offers every node to the rule, in order. Nodes that nothing reads any more are left for removeDead. */
export function rewrite(graph: Graph, rule: Rule): Graph {
  const counts = useCounts(graph);
  const makers = producers(graph);
  const constants = new Map(graph.constants);
  const replaced = new Map<Value, Value>();
  const current = (value: Value): Value => replaced.get(value) ?? value;
  const nodes: Node[] = [];
  const keep = (node: Node): void => {
    nodes.push(node);
    for (const output of node.outputs) makers.set(output, node);
  };
  const rewriting: Rewriting = {
    graph: { ...graph, constants },
    maker: (value) => (value ? makers.get(value) : undefined),
    uses: (value) => counts.get(value) ?? 0,
    emit(op, inputs, { shape, dtype = "float32" }, attributes = {}) {
      const output: Value = { name: "", shape: [...shape], dtype };
      keep({ op, domain: "", inputs, outputs: [output], attributes });
      return output;
    },
    emitNode: keep,
    replace: (value, by) => void replaced.set(value, by),
    constant(constant, shape, dtype) {
      const value: Value = { name: "", shape, dtype };
      constants.set(value, constant);
      return value;
    },
  };
  for (const old of graph.nodes) {
    const node = { ...old, inputs: old.inputs.map((input) => input && current(input)) };
    const results = rule(node, rewriting);
    if (results) node.outputs.forEach((output, i) => replaced.set(output, results[i] as Value));
    else keep(node);
  }
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: current(value) }));
  return { ...graph, nodes, constants, outputs };
}
