import { type Constant, fixedInts, type Graph } from "../ir.ts";

/** Up to so many entries a repeated number is stored; from there on it is cheaper to fill in at run time. */
const storedEntries = 64;

/** Fills of a small, fixed size become constants, which other passes see through. */
export function storeSmallFills(graph: Graph): Graph {
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.filter((node) => {
    const output = node.outputs[0];
    const shape = fixedInts(graph, node.inputs[0]);
    const value = node.attributes["value"];
    if (node.op !== "ConstantOfShape" || !output || !shape || typeof value !== "object") return true;
    const size = shape.reduce((a, b) => a * b, 1);
    if (size > storedEntries || !("float" in value)) return true;
    constants.set(output, { kind: "data", data: filled(output.dtype, size, value.float) });
    return false;
  });
  return { ...graph, nodes, constants };
}

function filled(dtype: string, size: number, value: number): (Constant & { kind: "data" })["data"] {
  if (dtype === "float32") return new Float32Array(size).fill(value);
  return dtype === "int32" ? new Int32Array(size).fill(value) : new Uint8Array(size).fill(value);
}
