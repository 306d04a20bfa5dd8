import { encodeRle } from "../../imaging/rle.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import { api } from "../api/client.ts";
import type { Proposal } from "../api/types.ts";

/**
 * Accepts a proposal as what it should have been, and gives the annotation's id; its lineage names the version that proposed
 * it. What the proposal had become before is taken back. Throws MaskwrightError.
 */
export async function keepCorrected(
  projectId: string,
  { id, status }: Proposal,
  { mask, label }: { mask: BinaryMask; label: string | null },
): Promise<string> {
  const path = `/v1/projects/${projectId}/proposals/${id}`;
  if (status === "accepted") await api.post(`${path}/reject`);
  const said = { mask: encodeRle(mask), label };
  const { annotation_id: annotation } = await api.post<Proposal>(`${path}/accept`, said);
  if (annotation === null) throw new Error(`proposal ${id} was accepted without an annotation`);
  return annotation;
}
