import { MaskwrightError } from "../client/index.ts";

/** What goes wrong on this side. `usage`: the command line was not understood. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export interface Told {
  readonly code: string;
  readonly message: string;
  readonly param?: string;
  readonly request_id?: string;
}

/** Any error as code and message, as the API tells its own. */
export function told(error: unknown): Told {
  if (error instanceof MaskwrightError) {
    const { code, message, param, requestId } = error;
    return {
      code,
      // The client puts the code before the message.
      message: message.slice(code.length + 2),
      ...(param !== undefined && { param }),
      ...(requestId !== undefined && { request_id: requestId }),
    };
  }
  if (error instanceof CliError) return { code: error.code, message: error.message };
  const { message, cause, code } = error as Error & { cause?: { code?: string }; code?: string };
  // What fetch throws where no server answers.
  if (error instanceof TypeError && cause?.code !== undefined)
    return { code: "unreachable", message: `The server does not answer (${cause.code}).` };
  return { code: code === undefined ? "failed" : code.toLowerCase(), message };
}

/** One line: code, message, and the field at fault. */
export const lineOf = ({ code, message, param }: Told): string =>
  `maskwright: ${code}: ${message.replaceAll(/\s*\n\s*/g, " ")}${param === undefined ? "" : ` (${param})`}`;
