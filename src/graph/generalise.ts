import { canonicalJson } from "../lib/hash.ts";
import {
  type Constant,
  type Dim,
  dimAt,
  type Graph,
  type Node,
  productAt,
  type Sizes,
  type Value,
} from "./ir.ts";

/** One recording of a function, with these sizes standing for the free dimensions. */
export interface Recording {
  readonly sizes: Sizes;
  readonly graph: Graph;
}

/**
 * One graph for all sizes of the free dimensions, from recordings at both of two sizes of each in all combinations
 * (`corners`: the first at the first sizes of all, then the first dimension's changes quickest), and another to verify.
 * The recordings must have the same nodes; a shape entry or whole-number constant that differs is solved as a sum of
 * products of dimensions, and the last recording must agree with it.
 * Throws an Error naming the node where the recordings part, or the constant that is not linear.
 */
export function generalise(corners: readonly Recording[], another: Recording): Graph {
  const merged = merge(corners);
  verify(merged, another);
  return merged;
}

/** What the recordings have in one place, in their order. */
type Same<T> = readonly T[];

function merge(corners: Same<Recording>): Graph {
  const graphs = corners.map(({ graph }) => graph);
  const [first] = graphs as [Graph];
  const solve = solverFor(corners.map(({ sizes }) => sizes));
  const solveAll = (shapes: Same<readonly Dim[]>, where: string): Dim[] => {
    const [own] = shapes as [readonly Dim[]];
    if (shapes.some(({ length }) => length !== own.length))
      throw new Error(`${where}: the rank depends on a free dimension`);
    return own.map((_, i) =>
      solve(
        shapes.map((shape) => shape[i] as number),
        where,
      ),
    );
  };
  const values = new Map<Value, Value>();
  const join = (all: Same<Value | undefined>, where: string): void => {
    const [own] = all as [Value];
    if (all.some((other) => other?.name !== own.name || other.dtype !== own.dtype))
      throw new Error(`${where}: the recordings are not the same`);
    const shape = solveAll(
      all.map((other) => (other as Value).shape),
      where,
    );
    values.set(own, { ...own, shape });
  };
  const known = (x: Value): Value => values.get(x) as Value;

  first.inputs.forEach((x, i) =>
    join(
      graphs.map(({ inputs }) => inputs[i]),
      `input ${x.name}`,
    ),
  );
  const constants = new Map<Value, Constant>();
  const listed = graphs.map((graph) => [...graph.constants]);
  for (const [i, [x, constant]] of [...first.constants].entries()) {
    const where = `constant ${x.name}`;
    join(
      listed.map((all) => all[i]?.[0]),
      where,
    );
    const others = listed.map((all) => all[i]?.[1] as Constant);
    const vectors = others.flatMap((other) => (other.kind === "ints" ? [other.ints] : []));
    if (vectors.length === others.length)
      constants.set(known(x), { kind: "ints", ints: solveAll(vectors, where) });
    else if (others.every((other) => sameData(constant, other))) constants.set(known(x), constant);
    else throw new Error(`${where}: its values depend on a free dimension`);
  }
  const nodes = first.nodes.map((node, i): Node => {
    const where = `node ${i} (${node.op})`;
    for (const { nodes: others } of graphs) {
      const other = others[i];
      if (!other || nodeText(node) !== nodeText(other))
        throw new Error(`${where}: other sizes of a free dimension record ${other?.op ?? "nothing"} here`);
    }
    node.outputs.forEach((_, k) =>
      join(
        graphs.map((graph) => graph.nodes[i]?.outputs[k]),
        where,
      ),
    );
    return { ...node, inputs: node.inputs.map((x) => x && known(x)), outputs: node.outputs.map(known) };
  });
  for (const { nodes: others, constants: stored } of graphs)
    if (others.length !== nodes.length || stored.size !== constants.size)
      throw new Error("other sizes of a free dimension record more nodes");
  const outputs = first.outputs.map(({ name, value }) => ({ name, value: known(value) }));
  return { inputs: first.inputs.map(known), nodes, constants, outputs };
}

/** Finds what sizes at the corners are as a sum of products of dimensions. */
function solverFor(corners: Same<Sizes>): (seen: Same<number>, where: string) => Dim {
  const names = Object.keys(corners[0] as Sizes);
  const products = corners.map((_, corner) => names.filter((__, i) => (corner >> i) & 1).join("*"));
  const inverse = inverseOf(corners.map((sizes) => products.map((product) => productAt(product, sizes))));
  return (seen, where) => {
    const [own] = seen as [number];
    if (seen.every((size) => size === own)) return own;
    const factors = inverse.map((row) => row.reduce((sum, x, i) => sum + x * (seen[i] as number), 0));
    const whole = factors.map(Math.round);
    const solved = {
      offset: whole[0] as number,
      factors: Object.fromEntries(
        products.flatMap((product, i) => (product !== "" && whole[i] !== 0 ? [[product, whole[i]]] : [])),
      ) as Record<string, number>,
    };
    if (corners.some((sizes, i) => dimAt(solved, sizes) !== seen[i]))
      throw new Error(`${where}: ${seen.join()} are not linear in the free dimensions`);
    return solved;
  };
}

/** The inverse of a small matrix, by Gauss and Jordan. */
function inverseOf(matrix: readonly (readonly number[])[]): number[][] {
  const rows = matrix.map((row, i) => [...row, ...row.map((_, k) => (k === i ? 1 : 0))]);
  for (let column = 0; column < rows.length; column++) {
    let pivot = column;
    for (let i = column; i < rows.length; i++)
      if (Math.abs(rows[i]?.[column] ?? 0) > Math.abs(rows[pivot]?.[column] ?? 0)) pivot = i;
    [rows[column], rows[pivot]] = [rows[pivot] as number[], rows[column] as number[]];
    const own = rows[column] as number[];
    const by = own[column] as number;
    for (let k = 0; k < own.length; k++) own[k] = (own[k] as number) / by;
    for (const row of rows) {
      const times = row[column] as number;
      if (row === own || times === 0) continue;
      for (let k = 0; k < row.length; k++) row[k] = (row[k] as number) - times * (own[k] as number);
    }
  }
  return rows.map((row) => row.slice(rows.length));
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

/** Holds the solved graph against a recording at sizes that took no part in solving it. */
function verify(graph: Graph, { sizes, graph: recording }: Recording): void {
  const told = Object.values(sizes).join(" x ");
  const same = (solved: readonly Dim[], seen: readonly Dim[]): boolean =>
    solved.length === seen.length && solved.every((dim, i) => dimAt(dim, sizes) === seen[i]);
  if (graph.nodes.length !== recording.nodes.length || graph.constants.size !== recording.constants.size)
    throw new Error(`at size ${told} the recording has other nodes`);
  graph.nodes.forEach((node, i) => {
    const seen = recording.nodes[i] as Node;
    if (nodeText(node) !== nodeText(seen))
      throw new Error(`node ${i} (${node.op}): at size ${told} it is ${seen.op}`);
    node.outputs.forEach((value, k) => {
      if (!same(value.shape, (seen.outputs[k] as Value).shape))
        throw new Error(`node ${i} (${node.op}): its shape is not linear in the free dimensions`);
    });
  });
  const seenConstants = [...recording.constants];
  [...graph.constants].forEach(([value, constant], i) => {
    const seen = (seenConstants[i] as [Value, Constant])[1];
    const agrees =
      constant.kind === "ints" && seen.kind === "ints"
        ? same(constant.ints, seen.ints)
        : sameData(constant, seen);
    if (!agrees) throw new Error(`constant ${value.name}: it is not linear in the free dimensions`);
  });
}
