import type { GateDecision, PromotionPolicy } from "../../domain/gate.ts";
import type { PromptMetrics } from "../../domain/evaluation.ts";

export interface Judgement {
  readonly policy: PromotionPolicy;
  /** One for each kind of prompt; `box` is one of them. */
  readonly prompts: readonly PromptMetrics[];
  /** The version that is live, its mean IoU on the same images with exact boxes. */
  readonly active?: { readonly number: number; readonly meanIou: number } | undefined;
}

/** How much a kind of prompt may lose before it holds a version back. */
const bearable = 0.01;

/**
 * Whether a new version goes live by itself, and why, in a sentence for the audit trail. By `auto` it does when the
 * 95 % interval of its gain over the base lies above zero (mean IoU, exact boxes, held-out images), no other kind of
 * prompt loses more than .01, and, if another version is live, it beats that one's mean on the same images. Where images
 * came since, a few of those may have trained the live one, which makes it look better than it is, so that the new one
 * waits.
 */
export function decidePromotion({ policy, prompts, active }: Judgement): GateDecision {
  const box = prompts.find(({ kind }) => kind === "box");
  if (!box) throw new Error("nothing was scored with boxes");
  const warnings = prompts
    .filter(({ kind, gain }) => kind !== "box" && gain.iou.mean < -bearable)
    .map(
      ({ kind, base, tuned }) =>
        `${kind} loses: mean IoU ${base.meanIou.toFixed(3)} falls to ${tuned.meanIou.toFixed(3)}`,
    );
  const verdict = judge(box, active);
  const promote = policy === "always" || (policy === "auto" && verdict.wins && warnings.length === 0);
  const policySaid = policy === "auto" ? "" : `; promotion is ${policy} here`;
  const word = policy === "auto" && verdict.wins ? "held back" : "warning";
  const warned = warnings.length === 0 ? "" : `; ${word}: ${warnings.join(", ")}`;
  return { policy, promote, reason: `${verdict.reason}${policySaid}${warned}`, warnings };
}

function judge(
  { base, tuned, gain }: PromptMetrics,
  active: Judgement["active"],
): { wins: boolean; reason: string } {
  const { mean, low, high } = gain.iou;
  const said = `held-out mean IoU ${tuned.meanIou.toFixed(3)}`;
  const baseSaid = `the base's ${base.meanIou.toFixed(3)}`;
  if (!(mean > 0)) return { wins: false, reason: `${said} does not beat ${baseSaid}` };
  if (low === null || high === null) {
    return {
      wins: false,
      reason: `${said} beats ${baseSaid}, but a single group of images is too little to trust it`,
    };
  }
  const interval = `gain ${mean.toFixed(3)}, 95 % interval ${low.toFixed(3)} to ${high.toFixed(3)}`;
  if (!(low > 0)) {
    return { wins: false, reason: `${said} does not surely beat ${baseSaid} (${interval})` };
  }
  if (active && !(tuned.meanIou > active.meanIou)) {
    return {
      wins: false,
      reason: `${said} does not beat the ${active.meanIou.toFixed(3)} of version ${active.number}, which is live`,
    };
  }
  const against = active ? ` and version ${active.number}'s ${active.meanIou.toFixed(3)}` : "";
  return { wins: true, reason: `${said} beats ${baseSaid}${against} (${interval})` };
}
