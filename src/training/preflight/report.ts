import type { Finding, FindingCode, PreviewResult } from "../../db/schema/index.ts";

export type Found = Finding;

/** Findings of one code that are told one by one. */
const mostOfACode = 20;
/** Ids that a finding for all of them names. */
const mostIds = 20;
/** Where so many of the annotations have it, it is how the objects are. */
const usual = 0.5;
const order = { error: 0, warning: 1, info: 2 } as const;

const nature: Partial<Record<FindingCode, string>> = {
  mask_several_parts: "have several separate parts",
  mask_tiny: "are only a few cells of the decoder's 256 x 256 grid",
  mask_touches_border: "touch the image's border",
  box_mask_mismatch: "have a box that is not their own",
};

/**
 * Findings as they are told: errors first, then by code, then in the snapshot's order; what most annotations have becomes
 * one finding that says so, and of any code only the first are told one by one.
 */
export function report(
  found: readonly Found[],
  annotations: number,
): Pick<PreviewResult, "findings" | "finding_counts"> {
  const findings: Finding[] = [];
  const counts: Partial<Record<FindingCode, number>> = {};
  for (const [code, some] of Map.groupBy(found, (one) => one.code)) {
    counts[code] = some.length;
    const text = nature[code];
    const typical = text !== undefined && some.length > 3 && some.length > usual * annotations;
    findings.push(...(typical ? [folded(some, text, annotations)] : some.slice(0, mostOfACode)));
  }
  const rank = ({ severity, code }: Finding): string => `${order[severity]} ${code}`;
  findings.sort((a, b) => (rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : 0));
  return {
    findings,
    finding_counts: Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function folded(some: readonly Found[], text: string, annotations: number): Finding {
  const [{ code, severity }] = some as [Found];
  const ids = (of: (one: Found) => string[]): string[] => [...new Set(some.flatMap(of))].slice(0, mostIds);
  return {
    code,
    severity,
    message: `${some.length} of ${annotations} masks ${text}: if that is how these objects are, nothing is wrong.`,
    image_ids: ids((one) => one.image_ids),
    annotation_ids: ids((one) => one.annotation_ids),
  };
}
