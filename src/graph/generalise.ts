import { canonicalJson } from "../lib/hash.ts";
import { type Constant, type Dim, dimAt, dimText, type Graph, type Node, type Value } from "./ir.ts";

/** One recording of a function, with `size` standing for the free dimension. */
export interface Recording {
  readonly size: number;
  readonly graph: Graph;
}

/**
 * One graph for every size of the free dimension, from recordings at three sizes of it. The recordings must have
 * the same nodes; a shape entry or whole-number constant that differs between the first two is solved as
 * `offset + factor * dimension`, and the third recording must agree with it.
 * Throws an Error naming the node where the recordings part, or the constant that is not linear.
 */
export function generalise(first: Recording, second: Recording, third: Recording): Graph {
  const merged = merge(first, second);
  verify(merged, third);
  return merged;
}

function merge(first: Recording, second: Recording): Graph {
  const [a, b] = [first.graph, second.graph];
  const solve = (x: Dim | undefined, y: Dim | undefined, where: string): Dim => {
    if (x === y && x !== undefined) return x;
    const factor = (Number(y) - Number(x)) / (second.size - first.size);
    const offset = Number(x) - factor * first.size;
    if (!Number.isInteger(factor) || !Number.isInteger(offset))
      throw new Error(
        `${where}: ${x === undefined ? "nothing" : dimText(x)} and ${y === undefined ? "nothing" : dimText(y)} are not linear in the free dimension`,
      );
    return { offset, factor };
  };
  const solveAll = (x: readonly Dim[], y: readonly Dim[], where: string): Dim[] => {
    if (x.length !== y.length) throw new Error(`${where}: the rank depends on the free dimension`);
    return x.map((dim, i) => solve(dim, y[i], where));
  };
  const values = new Map<Value, Value>();
  const pair = (x: Value, y: Value, where: string): void => {
    if (x.name !== y.name || x.dtype !== y.dtype)
      throw new Error(`${where}: the recordings are not the same`);
    values.set(x, { ...x, shape: solveAll(x.shape, y.shape, where) });
  };
  const known = (x: Value): Value => values.get(x) as Value;

  a.inputs.forEach((x, i) => pair(x, b.inputs[i] as Value, `input ${x.name}`));
  const constantsOfB = [...b.constants];
  const constants = new Map<Value, Constant>();
  [...a.constants].forEach(([x, constant], i) => {
    const [y, other] = constantsOfB[i] ?? [];
    const where = `constant ${x.name}`;
    if (!y || !other || constant.kind !== other.kind)
      throw new Error(`${where}: the recordings are not the same`);
    pair(x, y, where);
    if (constant.kind === "ints" && other.kind === "ints")
      constants.set(known(x), { kind: "ints", ints: solveAll(constant.ints, other.ints, where) });
    else if (sameData(constant, other)) constants.set(known(x), constant);
    else throw new Error(`${where}: its values depend on the free dimension`);
  });
  const nodes = a.nodes.map((node, i): Node => {
    const other = b.nodes[i];
    const where = `node ${i} (${node.op})`;
    if (!other || nodeText(node) !== nodeText(other))
      throw new Error(`${where}: other sizes of the free dimension record ${other?.op ?? "nothing"} here`);
    node.outputs.forEach((x, k) => pair(x, other.outputs[k] as Value, where));
    return { ...node, inputs: node.inputs.map((x) => x && known(x)), outputs: node.outputs.map(known) };
  });
  if (a.nodes.length !== b.nodes.length || a.constants.size !== b.constants.size)
    throw new Error("other sizes of the free dimension record more nodes");
  const outputs = a.outputs.map(({ name, value }) => ({ name, value: known(value) }));
  return { inputs: a.inputs.map(known), nodes, constants, outputs };
}

/** A node without its shapes: recordings number their values alike, so names stand for edges. */
const nodeText = (node: Node): string =>
  canonicalJson([
    node.op,
    node.domain,
    node.inputs.map((x) => x?.name ?? ""),
    node.outputs.map((x) => x.name),
    node.attributes,
  ]);

function sameData(a: Constant, b: Constant): boolean {
  if (a.kind !== "data" || b.kind !== "data") return false;
  return a.data.length === b.data.length && a.data.every((entry, i) => Object.is(entry, b.data[i]));
}

/** Holds the solved graph against a recording at a size that took no part in solving it. */
function verify(graph: Graph, { size, graph: recording }: Recording): void {
  const same = (solved: readonly Dim[], seen: readonly Dim[]): boolean =>
    solved.length === seen.length && solved.every((dim, i) => dimAt(dim, size) === seen[i]);
  if (graph.nodes.length !== recording.nodes.length || graph.constants.size !== recording.constants.size)
    throw new Error(`at size ${size} the recording has other nodes`);
  graph.nodes.forEach((node, i) => {
    const seen = recording.nodes[i] as Node;
    if (nodeText(node) !== nodeText(seen))
      throw new Error(`node ${i} (${node.op}): at size ${size} it is ${seen.op}`);
    node.outputs.forEach((value, k) => {
      if (!same(value.shape, (seen.outputs[k] as Value).shape))
        throw new Error(`node ${i} (${node.op}): its shape is not linear in the free dimension`);
    });
  });
  const seenConstants = [...recording.constants];
  [...graph.constants].forEach(([value, constant], i) => {
    const seen = (seenConstants[i] as [Value, Constant])[1];
    const agrees =
      constant.kind === "ints" && seen.kind === "ints"
        ? same(constant.ints, seen.ints)
        : sameData(constant, seen);
    if (!agrees) throw new Error(`constant ${value.name}: it is not linear in the free dimension`);
  });
}
