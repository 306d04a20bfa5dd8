/** An answer of the API that is no success: `code` is stable, programs may decide by it. */
export class MaskwrightError extends Error {
  override readonly name = "MaskwrightError";
  readonly status: number;
  readonly code: string;
  /** What the API says to people; `message` has the code before it. */
  readonly detail: string;
  /** The field at fault, as a path in the request: `prompts[0].box`. */
  readonly param: string | undefined;
  /** Finds the request in the server's log. */
  readonly requestId: string | undefined;

  constructor(status: number, body: unknown) {
    const { error = {} } = (body ?? {}) as { error?: Record<string, string | undefined> };
    const code = error["code"] ?? "unknown";
    const detail = error["message"] ?? `the server answered with ${status}`;
    super(`${code}: ${detail}`);
    this.detail = detail;
    this.status = status;
    this.code = code;
    this.param = error["param"];
    this.requestId = error["request_id"];
  }
}

export async function errorOf(response: Response): Promise<MaskwrightError> {
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => null);
  return new MaskwrightError(response.status, body);
}
