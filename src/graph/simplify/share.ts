import { canonicalJson, sha256 } from "../../lib/hash.ts";
import { type Constant, dimText, type Graph, type Node, type Value } from "../ir.ts";

/** Equal constants become one, and nodes that compute the same from the same become one. */
export function shareCommon(graph: Graph): Graph {
  const replaced = new Map<Value, Value>();
  const current = (value: Value): Value => replaced.get(value) ?? value;
  const firstOf = new Map<string, readonly Value[]>();
  const constants = new Map<Value, Constant>();
  for (const [value, constant] of graph.constants) {
    const key = constantText(value, constant);
    const first = firstOf.get(key)?.[0];
    if (first) replaced.set(value, first);
    else {
      firstOf.set(key, [value]);
      constants.set(value, constant);
    }
  }
  const ids = new Map<Value, number>();
  const idOf = (value: Value): number => {
    const id = ids.get(value) ?? ids.size;
    ids.set(value, id);
    return id;
  };
  const nodes: Node[] = [];
  for (const old of graph.nodes) {
    const node = { ...old, inputs: old.inputs.map((input) => input && current(input)) };
    const from = node.inputs.map((input) => (input ? idOf(input) : -1));
    const key = canonicalJson([node.op, node.domain, from, node.attributes, node.outputs.length]);
    const first = firstOf.get(key);
    if (first) node.outputs.forEach((output, i) => replaced.set(output, first[i] as Value));
    else {
      firstOf.set(key, node.outputs);
      nodes.push(node);
    }
  }
  const outputs = graph.outputs.map(({ name, value }) => ({ name, value: current(value) }));
  return { ...graph, nodes, constants, outputs };
}

function constantText(value: Value, constant: Constant): string {
  const type = `${value.dtype}[${value.shape.map(dimText).join()}]`;
  if (constant.kind === "ints") return `${type} ${constant.ints.map(dimText).join()}`;
  const { buffer, byteOffset, byteLength } = constant.data;
  return `${type} ${sha256(new Uint8Array(buffer, byteOffset, byteLength))}`;
}
