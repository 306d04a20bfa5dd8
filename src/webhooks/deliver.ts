import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { messageOf } from "../lib/errors.ts";
import type { DeliveryAttempt } from "../db/schema/index.ts";
import { checkWebhookUrl } from "./guard.ts";
import { anyLookup, publicLookup } from "./names.ts";
import { signedHeaders } from "./sign.ts";

export interface Message {
  readonly id: string;
  readonly url: string;
  readonly payload: Record<string, unknown>;
  /** Those that are valid now, the newest first. */
  readonly secrets: readonly string[];
}

export interface DeliveryOptions {
  readonly allowPrivate: boolean;
  /** Milliseconds for the whole exchange. */
  readonly timeoutMs: number;
  /** Milliseconds of it until there is a connection, the look-up of the name included. */
  readonly connectMs: number;
  readonly signal: AbortSignal;
}

/** One try. Never throws: what went wrong stands in the attempt. 2xx is a success; redirects are not followed. */
export async function deliver(message: Message, options: DeliveryOptions): Promise<DeliveryAttempt> {
  const at = new Date();
  const start = performance.now();
  const done = (status: number | null, error: string | null): DeliveryAttempt => ({
    at: at.toISOString(),
    status,
    error,
    ms: Math.round(performance.now() - start),
  });
  try {
    const url = checkWebhookUrl(message.url, options);
    const body = JSON.stringify(message.payload);
    const status = await post(
      url,
      body,
      signedHeaders({ id: message.id, body, at }, message.secrets),
      options,
    );
    if (status >= 200 && status < 300) return done(status, null);
    return done(status, status < 400 ? "redirects are not followed" : `the receiver answered ${status}`);
  } catch (error) {
    return done(null, options.signal.aborted ? "the process stops" : reasonOf(error, options.timeoutMs));
  }
}

const reasonOf = (error: unknown, timeoutMs: number): string =>
  error instanceof Error && error.name === "TimeoutError"
    ? `no answer in ${timeoutMs / 1000} s`
    : messageOf(error).slice(0, 300) || "the connection failed";

/** The answer's status. Its body is not read: nothing of it is ever shown to anyone. */
async function post(
  url: URL,
  body: string,
  headers: Record<string, string>,
  { allowPrivate, timeoutMs, connectMs, signal }: DeliveryOptions,
): Promise<number> {
  const answered = Promise.withResolvers<number>();
  const timeout = AbortSignal.timeout(timeoutMs);
  const send: typeof requestHttp = url.protocol === "https:" ? requestHttps : requestHttp;
  const request = send(
    url,
    {
      method: "POST",
      // A connection of its own: its address was checked for this try.
      agent: false,
      signal: AbortSignal.any([timeout, signal]),
      lookup: allowPrivate ? anyLookup : publicLookup,
      headers: {
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        "user-agent": "maskwright-webhooks",
        ...headers,
      },
    },
    (response) => {
      answered.resolve(response.statusCode ?? 0);
      response.destroy();
    },
  );
  const connecting = setTimeout(
    () => request.destroy(new Error(`no connection in ${connectMs / 1000} s`)),
    connectMs,
  );
  request.once("socket", (socket) => socket.once("connect", () => clearTimeout(connecting)));
  request.once("close", () => clearTimeout(connecting));
  request.on("error", (error) => answered.reject(timeout.aborted ? (timeout.reason as Error) : error));
  request.end(body);
  return answered.promise;
}
