import type { OnnxModel, OnnxNode, OnnxValueInfo } from "../lib/onnx-proto.ts";
import { exportIrVersion, exportOpset } from "./export.ts";
import type { NodeList } from "./onnx-nodes.ts";

/**
 * A graph with nodes before and after its own, under other inputs and outputs; `nodes` gives those that come after, and
 * all constants. Versions of IR and opset are those of the exports, or with `newest` the recording's own.
 */
export const surrounded = (
  model: OnnxModel,
  parts: {
    readonly name: string;
    readonly before: readonly OnnxNode[];
    readonly nodes: NodeList;
    readonly input: OnnxValueInfo[];
    readonly output: OnnxValueInfo[];
    readonly newest?: boolean;
  },
): OnnxModel => ({
  ...model,
  ...(!parts.newest && { irVersion: exportIrVersion, opsetImport: [{ domain: "", version: exportOpset }] }),
  graph: {
    ...model.graph,
    name: parts.name,
    node: [...parts.before, ...model.graph.node, ...parts.nodes.take()],
    initializer: [...model.graph.initializer, ...parts.nodes.initializers],
    input: parts.input,
    output: parts.output,
  },
});
