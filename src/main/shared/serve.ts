import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { getRequestListener, type HttpBindings } from "@hono/node-server";
import { AppError } from "../../lib/errors.ts";
import type { App } from "../../app.ts";
import type { Releases } from "../../lib/releases.ts";
import { answerClientError, bareResponse } from "./bare-answers.ts";
import { type Pace, SlowBodies } from "./slow-bodies.ts";

/**
 * Serves the app on HTTP. Port 0 takes a free one. Its release takes no more requests and waits until those under way
 * have ended, also those whose clients have gone: they use what is released next. After `graceMs` it waits no longer
 * and cuts their connections.
 */
export async function serve(
  app: Pick<App, "fetch">,
  options: { host: string; port: number; graceMs: number; releases: Releases; pace?: Pace },
): Promise<string> {
  const bodies = new SlowBodies(options.pace);
  options.releases.add("the watch over bodies", () => bodies.close());
  const running = new Set<Promise<unknown>>();
  let closing = false;
  const fetch = async (request: Request, bindings: HttpBindings): Promise<Response> => {
    const { incoming, outgoing } = bindings;
    const answering = Promise.resolve(app.fetch(request, bindings));
    running.add(answering);
    void answering.finally(() => running.delete(answering)).catch(() => {});
    const watched = hasBody(incoming) ? bodies.watch(incoming) : undefined;
    try {
      const answer = await (watched ? Promise.race([answering, watched.slow]) : answering);
      if (answer === "slow") {
        const { socket } = incoming;
        // Its handler waits for the rest, and Node tells it nothing once an answer was sent.
        socket.once("close", () => incoming.destroy(new Error("the body came too slowly")));
        outgoing.once("finish", () => socket.destroySoon());
        return bareResponse(tooSlow());
      }
      // A connection that is kept alive would bring the next request.
      if (closing && !outgoing.headersSent) outgoing.setHeader("connection", "close");
      if (!incoming.readableEnded && hasBody(incoming)) {
        const rest = readRest(incoming);
        // A connection that ends with the answer ends for what is still sent on it, too.
        if (closing || !outgoing.shouldKeepAlive) await rest;
        else outgoing.once("finish", () => void rest.then(() => endUnlessRead(incoming)));
      }
      return answer;
    } finally {
      watched?.end();
    }
  };
  const listener = getRequestListener(
    (request, env) => fetch(request, env as HttpBindings),
    // It gives a client half a second to send the rest of a body that was refused; readRest gives as long as it sends.
    { autoCleanupIncoming: false, errorHandler: (error) => bareResponse(fromListener(error)) },
  );
  // A missing Host is answered by the listener; bodies have a pace of their own, however long they are.
  const settings = { requireHostHeader: false, requestTimeout: 0, headersTimeout };
  const server = createServer(settings, (incoming, outgoing) => void listener(incoming, outgoing));
  server.on("clientError", answerClientError);
  const listening = Promise.withResolvers<void>();
  server.once("error", (error: NodeJS.ErrnoException) => {
    const where = `HOST ${options.host}, PORT ${options.port}`;
    const taken = `${where} is taken by another program: stop that one, or set PORT to another; 0 takes a free one.`;
    const why = error.code === "EADDRINUSE" ? taken : `${where} can't be listened on: ${error.message}`;
    listening.reject(new Error(why, { cause: error }));
  });
  server.listen(options.port, options.host, listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  options.releases.add("the HTTP server", async () => {
    closing = true;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    const ended = (async (): Promise<void> => {
      await closed;
      while (running.size > 0) await Promise.allSettled(running);
    })();
    const late = new AbortController();
    await Promise.race([ended, pause(options.graceMs, null, { signal: late.signal })]);
    late.abort();
    server.closeAllConnections();
    await closed;
  });
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return `http://${host}:${port}`;
}

/** Milliseconds for a request's headers. */
const headersTimeout = 60_000;

const tooSlow = (): AppError =>
  new AppError("request_too_slow", "The body arrives too slowly: send it in one go, over a faster line.");

/** What the listener could not make a request of, or the app no answer. */
const fromListener = (error: unknown): AppError =>
  error instanceof Error && error.name === "RequestError"
    ? new AppError("invalid_request", "The Host header or the path can't be used as a URL.")
    : new AppError("internal_error", "Something failed on our side.");

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;

/** Bytes of a refused body that are read and thrown away, and how long its client may send none. */
const [mostRest, silentMs] = [4 * 1024 ** 3, 5000];

/**
 * Reads what a client still sends of a body that nobody wants: a connection that ends before is, to many clients, one that
 * broke, and they never see their answer. Resolves at the body's end, and where the client sends no more or has no end.
 */
function readRest(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const read = (chunk: Buffer): void => {
      bytes += chunk.length;
      silent.refresh();
      if (bytes > mostRest) end();
    };
    const end = (): void => {
      clearTimeout(silent);
      incoming.off("data", read).pause();
      resolve();
    };
    const silent = setTimeout(end, silentMs);
    incoming.on("data", read).once("end", end).once("close", end).once("error", end).resume();
  });
}

const endUnlessRead = (incoming: IncomingMessage): void => {
  if (!incoming.complete) incoming.socket.destroySoon();
};
