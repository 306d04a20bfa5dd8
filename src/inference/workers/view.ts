import { type Outcome, settle } from "../../lib/outcome.ts";
import type { Decoded } from "../decoder/run.ts";
import { runView, type ViewRun } from "../decoder/run-view.ts";

/** A view's run beside those of its decode worker: see decoder/decode-views.ts. */
export const decode = (run: ViewRun): Promise<Outcome<Decoded>> => settle(() => runView(run));
