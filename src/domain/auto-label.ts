/** Where an auto-label has come to: images go by age, and ids tell those of one moment apart. */
export interface ImageCursor {
  /** ISO 8601. */
  readonly createdAt: string;
  readonly id: string;
}

/** An image that no objects could be looked for in. */
export interface AutoLabelFailure {
  readonly image_id: string;
  readonly code: string;
  readonly message: string;
}

/** Failures that a job's row tells one by one; more are counted. */
export const mostFailuresTold = 20;

/** Objects of one image that are proposed, unless a request says otherwise, and at most. */
export const usualObjects = 100;
export const mostObjects = 1000;

export const proposalStatuses = ["pending", "accepted", "rejected"] as const;
export type ProposalStatus = (typeof proposalStatuses)[number];
