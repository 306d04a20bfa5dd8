/**
 * The one error class that may reach a caller, and the one table from stable code to HTTP status.
 * Anything else that is thrown becomes `internal_error`, whose inner message is logged and never sent.
 */
export const errorStatus = {
  // The request as a whole
  invalid_json: 400,
  invalid_request: 400,
  missing_api_key: 401,
  invalid_api_key: 401,
  csrf_rejected: 403,
  scope_missing: 403,
  quota_exceeded: 403,
  route_not_found: 404,
  method_not_allowed: 405,
  request_too_slow: 408,
  body_too_large: 413,
  headers_too_large: 431,
  memory_exceeded: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  idempotency_key_invalid: 400,
  idempotency_key_reused: 409,
  idempotency_key_in_use: 409,
  // Things that are not there, or not the caller's (the two are told alike, so that ids can't be probed)
  key_not_found: 404,
  project_not_found: 404,
  image_not_found: 404,
  annotation_not_found: 404,
  import_not_found: 404,
  fine_tune_not_found: 404,
  version_not_found: 404,
  version_unsigned: 404,
  prediction_not_found: 404,
  webhook_not_found: 404,
  webhook_delivery_not_found: 404,
  picture_not_found: 404,
  preview_not_found: 404,
  auto_label_not_found: 404,
  proposal_not_found: 404,
  base_model_unknown: 422,
  base_model_unsupported: 422,
  // Keys
  last_admin_key: 409,
  // Links and uploads by link
  link_invalid: 403,
  upload_not_found: 404,
  upload_incomplete: 409,
  upload_mismatch: 422,
  // Images
  image_empty: 422,
  image_unreadable: 422,
  image_truncated: 422,
  image_format_unsupported: 415,
  image_too_many_pixels: 413,
  image_too_small: 422,
  too_many_images: 409,
  image_in_use: 409,
  // Masks
  box_misses_mask: 422,
  mask_size_mismatch: 422,
  mask_empty: 422,
  mask_not_binary: 422,
  mask_rle_invalid: 422,
  mask_polygon_invalid: 422,
  mask_png_invalid: 422,
  mask_logits_invalid: 422,
  // Prompts
  prompt_empty: 422,
  too_many_prompts: 422,
  too_many_points: 422,
  too_many_regions: 422,
  answer_too_large: 422,
  box_outside_image: 422,
  box_zero_area: 422,
  point_outside_image: 422,
  point_label_unknown: 422,
  label_unknown: 422,
  finder_missing: 422,
  prediction_image_mismatch: 422,
  prediction_not_repeatable: 409,
  prediction_mask_unknown: 422,
  image_handle_unknown: 404,
  // Label Studio
  label_config_unsupported: 422,
  // Feedback
  feedback_mask_missing: 422,
  feedback_image_not_stored: 409,
  // Webhooks
  webhook_url_not_allowed: 422,
  too_many_webhooks: 409,
  // Imports
  import_zip_invalid: 422,
  import_too_large: 413,
  import_layout_unknown: 422,
  import_file_invalid: 422,
  import_file_changed: 422,
  import_skipped_too_much: 422,
  bucket_not_allowed: 403,
  folder_not_allowed: 403,
  bucket_unreadable: 422,
  bucket_unwritable: 422,
  // Fine-tunes and versions
  not_enough_annotations: 422,
  fine_tune_finished: 409,
  fine_tune_not_training: 409,
  preview_finished: 409,
  auto_label_running: 409,
  auto_label_finished: 409,
  proposal_decided: 409,
  hyperparameter_invalid: 422,
  nothing_to_roll_back: 409,
  version_already_active: 409,
  export_too_many_images: 422,
  export_format_unsupported: 422,
  export_full_unavailable: 422,
  export_served_unavailable: 422,
  // Weights files
  weights_format_unknown: 415,
  signature_required: 422,
  signature_refused: 422,
  weights_unreadable: 422,
  weights_truncated: 422,
  weights_foreign_global: 422,
  weights_zip_bomb: 422,
  weights_wrong_architecture: 422,
  weights_names_missing: 422,
  weights_not_finite: 422,
  weights_base_mismatch: 422,
  version_not_usable: 409,
  // Our side, and told: something that was kept is lost
  image_damaged: 500,
  version_damaged: 500,
  // Our side: the messages of these are logged and never sent
  internal_error: 500,
  object_corrupted: 500,
  object_conflict: 500,
  object_not_found: 500,
  unavailable: 503,
  /** In a job's row: its process ended in two attempts. */
  process_ended_twice: 500,
  overloaded: 503,
  storage_full: 507,
} as const;

/** Codes of 500 whose message a caller is sent. */
export const toldFailures: ReadonlySet<string> = new Set(["image_damaged", "version_damaged"]);

export type ErrorCode = keyof typeof errorStatus;

export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  /** The field at fault, as a path in the request: `prompts[0].box`. */
  readonly param: string | undefined;
  /** Seconds after which to try again, where that may help: the answer's Retry-After. */
  readonly retryAfter: number | undefined;

  /** `message` is sent to the caller: it names the field, what was found and what is allowed. */
  constructor(
    code: ErrorCode,
    message: string,
    options: { param?: string; cause?: unknown; retryAfter?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.param = options.param;
    this.retryAfter = options.retryAfter;
  }

  get status(): number {
    return errorStatus[this.code];
  }

  /** The same error, its field named from further out: `box` inside `prompts[2]`. */
  within(prefix: string): AppError {
    return this.at(this.param === undefined ? prefix : `${prefix}.${this.param}`);
  }

  /** The same error, its field called so. */
  at(param: string): AppError {
    const retry = this.retryAfter === undefined ? {} : { retryAfter: this.retryAfter };
    return new AppError(this.code, this.message, { param, cause: this.cause, ...retry });
  }
}

/** What a file system and Postgres say where there is no room left. */
const fullCodes: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT", "53100"]);

/** Whether there was no room to write something; a store or Drizzle may have wrapped what said so. */
export function isFull(thrown: unknown): boolean {
  for (let error = thrown; error instanceof Error; error = error.cause)
    if ("code" in error && (fullCodes.has(error.code) || error.code === "storage_full")) return true;
  return false;
}

/** The text of anything that was thrown, without the values that a query was asked with. */
export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  // Drizzle writes the parameters into its message.
  if ("params" in error && "query" in error)
    return `a query failed: ${error.cause === undefined ? "no reason is known" : messageOf(error.cause)}`;
  // Postgres quotes what it can't read ("22": data exceptions).
  if ("severity" in error && "code" in error && String(error.code).startsWith("22"))
    return error.message.replaceAll(/".*"/gs, '"…"');
  return error.message;
};
