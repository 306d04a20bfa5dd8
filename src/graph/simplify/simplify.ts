import type { Graph } from "../ir.ts";
import { removeDead } from "./dead.ts";
import { storeSmallFills } from "./fills.ts";
import { foldBias, foldScale, fuseBiasGelu, fuseGelu, fuseNormalisation, normaliseRows } from "./fusions.ts";
import { rewrite } from "./rewriter.ts";
import { dropBroadcasts, mergeReshapes, sumByProduct } from "./shapes.ts";
import { shareCommon } from "./share.ts";

/** In an order in which each rule opens work for the next. */
const rules = [
  mergeReshapes,
  dropBroadcasts,
  fuseNormalisation,
  foldScale,
  fuseGelu,
  foldBias,
  sumByProduct,
  normaliseRows,
  mergeReshapes,
];

export interface SimplifyOptions {
  /** Whether Gelu may stand as one operator, as it does from opset 20 on; it may by default. */
  readonly gelu?: boolean;
  /** Whether onnxruntime's own operators may stand in it, for graphs that nothing else runs; no by default. */
  readonly onnxruntime?: boolean;
}

/** Cleans a graph up and fuses what onnxruntime has one operator for. Every pass keeps what the graph computes. */
export function simplify(graph: Graph, { gelu = true, onnxruntime = false }: SimplifyOptions = {}): Graph {
  const shared = tidy(storeSmallFills(graph));
  const portable = gelu ? rules : rules.filter((rule) => rule !== fuseGelu);
  const wanted = onnxruntime ? [...portable, fuseBiasGelu, mergeReshapes] : portable;
  return wanted.reduce((current, rule) => tidy(rewrite(current, rule)), shared);
}

const tidy = (graph: Graph): Graph => removeDead(shareCommon(removeDead(graph)));
