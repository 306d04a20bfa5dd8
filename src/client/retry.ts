/** Milliseconds to wait before try `n` (from 1): what the server asks for, else 0.5 s, 1 s, 2 s ... */
function delayOf(response: Response | null, n: number): number {
  const told = Number(response?.headers.get("retry-after"));
  return told > 0 ? told * 1000 : 500 * 2 ** (n - 1);
}

/** 429 and 503 say that nothing was done; a broken line says nothing, so only what may be done twice is sent again. */
const isSafe = (request: Request): boolean =>
  ["GET", "HEAD", "PUT", "DELETE"].includes(request.method) || request.headers.has("idempotency-key");

/** A fetch that sends a request again, up to `retries` times, where the server is busy or the line breaks. */
export function retrying(
  send: typeof fetch,
  retries: number,
  sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)),
) {
  return async (request: Request): Promise<Response> => {
    for (let n = 1; ; n++) {
      const last = n > retries;
      let response: Response | null = null;
      try {
        // A body can be sent once, so each try but the last sends a copy.
        response = await send(last ? request : request.clone());
        if (last || (response.status !== 429 && response.status !== 503)) return response;
      } catch (error) {
        if (last || request.signal.aborted || !isSafe(request)) throw error;
      }
      await response?.body?.cancel();
      await sleep(delayOf(response, n));
    }
  };
}
