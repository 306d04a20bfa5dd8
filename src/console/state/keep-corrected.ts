import { encodeRle } from "../../imaging/rle.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import { MaskwrightError } from "../../client/errors.ts";
import { api } from "../api/client.ts";
import type { Proposal } from "../api/types.ts";

/** Somebody else has accepted the proposal since it was shown. */
export class DecidedElsewhere extends Error {
  readonly now: Proposal;

  constructor(now: Proposal) {
    super(
      "The proposal has been accepted elsewhere meanwhile. Accept again to put this in the place of that.",
    );
    this.now = now;
  }
}

/**
 * Accepts a proposal as what it should have been, and gives the annotation's id; its lineage names the version that proposed
 * it. What the proposal had become before is taken back. Throws MaskwrightError, or DecidedElsewhere.
 */
export async function keepCorrected(
  projectId: string,
  { id, status }: Proposal,
  { mask, label }: { mask: BinaryMask; label: string | null },
): Promise<string> {
  const path = `/v1/projects/${projectId}/proposals/${id}`;
  if (status === "accepted") await api.post(`${path}/reject`);
  const said = { mask: encodeRle(mask), label };
  const { annotation_id: annotation } = await api
    .post<Proposal>(`${path}/accept`, said)
    .catch(async (error) => {
      if (!(error instanceof MaskwrightError) || error.code !== "proposal_decided") throw error;
      // Without a correction it changes nothing of one that is accepted, and tells what it became.
      throw new DecidedElsewhere(await api.post<Proposal>(`${path}/accept`));
    });
  if (annotation === null) throw new Error(`proposal ${id} was accepted without an annotation`);
  return annotation;
}
