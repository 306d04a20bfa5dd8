import type { Graph, Node, Value } from "../ir.ts";

/** Drops nodes and constants that no output needs. Inputs stay, used or not: they are the graph's signature. */
export function removeDead(graph: Graph): Graph {
  const needed = new Set<Value>(graph.outputs.map((output) => output.value));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    for (const input of node.inputs) if (input) needed.add(input);
    nodes.push(node);
  }
  const constants = new Map([...graph.constants].filter(([value]) => needed.has(value)));
  return { ...graph, nodes: nodes.toReversed(), constants };
}
