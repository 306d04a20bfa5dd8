/** Whether a new version goes live by itself, and why, in a sentence for the audit trail. */
export interface GateDecision {
  readonly promote: boolean;
  readonly reason: string;
}

/**
 * A version goes live when its mean IoU on the held-out images beats the base's and, if another version is live,
 * that one's too, all on the same images. Where images came since, a few of those may have trained the live one,
 * which makes it look better than it is, so that the new one waits.
 */
export function decidePromotion(scores: {
  base: number;
  tuned: number;
  active?: { number: number; meanIou: number } | undefined;
}): GateDecision {
  const { base, tuned, active } = scores;
  const said = `held-out mean IoU ${tuned.toFixed(3)}`;
  if (!(tuned > base)) {
    return { promote: false, reason: `${said} does not beat the base's ${base.toFixed(3)}` };
  }
  if (active && !(tuned > active.meanIou)) {
    return {
      promote: false,
      reason: `${said} does not beat the ${active.meanIou.toFixed(3)} of version ${active.number}, which is live`,
    };
  }
  const against = active ? ` and version ${active.number}'s ${active.meanIou.toFixed(3)}` : "";
  return { promote: true, reason: `${said} beats the base's ${base.toFixed(3)}${against}` };
}
