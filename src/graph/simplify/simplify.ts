import type { Graph } from "../ir.ts";
import { removeDead } from "./dead.ts";
import { storeSmallFills } from "./fills.ts";
import { shareCommon } from "./share.ts";

/** Clean-up passes in the order in which each one opens work for the next. Every pass keeps what the graph computes. */
export function simplify(graph: Graph): Graph {
  return removeDead(shareCommon(removeDead(storeSmallFills(graph))));
}
