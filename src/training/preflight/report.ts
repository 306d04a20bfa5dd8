import type { Finding, FindingCode, PreviewResult } from "../../domain/preview.ts";

export type Found = Finding;

/** Findings of one code that are told one by one. */
const mostOfACode = 20;
/** Ids that a finding for all of them names. */
const mostIds = 20;
const order = { error: 0, warning: 1, info: 2 } as const;

interface Nature {
  /** What many of the masks then do. */
  readonly text: string;
  /** Where more than this share of the masks has it, it is how the objects are. */
  readonly usual: number;
}
const half = 0.5;
/** Where there is one usual size, shape or colour, 1 in 1.7 million lies so far out: where 1 in 20 does, there is none. */
const oneInTwenty = 0.05;

const nature: Partial<Record<FindingCode, Nature>> = {
  mask_several_parts: { text: "have several separate parts", usual: half },
  mask_tiny: { text: "are only a few cells of the decoder's 256 x 256 grid", usual: half },
  mask_touches_border: { text: "touch the image's border", usual: half },
  box_mask_mismatch: { text: "have a box that is not their own", usual: half },
  size_outlier: { text: "are far from the usual size", usual: oneInTwenty },
  shape_outlier: { text: "are far from the usual shape", usual: oneInTwenty },
  colour_outlier: { text: "lie on a colour far from the usual", usual: oneInTwenty },
};

/**
 * Findings as they are told: errors first, then by code, then in the snapshot's order; what is usual among the
 * annotations becomes one finding that says so, and of any code only the first are told one by one.
 */
export function report(
  found: readonly Found[],
  annotations: number,
): Pick<PreviewResult, "findings" | "finding_counts"> {
  const findings: Finding[] = [];
  const counts: Partial<Record<FindingCode, number>> = {};
  for (const [code, some] of Map.groupBy(found, (one) => one.code)) {
    counts[code] = some.length;
    const kind = nature[code];
    const typical = kind !== undefined && some.length > 3 && some.length > kind.usual * annotations;
    findings.push(...(typical ? [folded(some, kind.text, annotations)] : some.slice(0, mostOfACode)));
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
