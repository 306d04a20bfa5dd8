/** Errors that are answered before, or beside, the app: the same envelope as its own. */
import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { AppError, type ErrorCode } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";

const envelope = ({ code, message }: AppError, requestId: string): string =>
  JSON.stringify({ error: { code, message, request_id: requestId } });

const headersOf = (requestId: string) => ({
  "content-type": "application/json",
  "x-request-id": requestId,
  connection: "close",
});

/** An error as an answer of its own, after which the connection ends. */
export function bareResponse(error: AppError): Response {
  const requestId = newId("req");
  return new Response(envelope(error, requestId), { status: error.status, headers: headersOf(requestId) });
}

/** What Node's HTTP parser says, in our words. */
function fromParser({ code }: NodeJS.ErrnoException): AppError {
  const [name, message]: [ErrorCode, string] =
    code === "HPE_HEADER_OVERFLOW"
      ? ["headers_too_large", "The request's headers are larger than 16 kB."]
      : code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? ["request_too_slow", "The request's headers did not arrive in time."]
        : code === "HPE_INVALID_EOF_STATE"
          ? ["invalid_request", "The request broke off before its end."]
          : [
              "invalid_request",
              "This is no HTTP request: its first line, a header or a chunk can't be read.",
            ];
  return new AppError(name, message);
}

/** Answers where the connection can still carry an answer and none has begun; then ends it. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  // Node's own way to see it: https://nodejs.org/api/http.html#event-clienterror
  const begun = (socket as { _httpMessage?: { _headerSent?: boolean } })._httpMessage?._headerSent;
  if (!socket.writable || begun || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const known = fromParser(error);
  const requestId = newId("req");
  const body = envelope(known, requestId);
  const headers = { ...headersOf(requestId), "content-length": String(Buffer.byteLength(body)) };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(
    `HTTP/1.1 ${known.status} ${STATUS_CODES[known.status]}\r\n${lines.join("\r\n")}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
