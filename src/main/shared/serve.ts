import type { IncomingMessage, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { createAdaptorServer, type HttpBindings } from "@hono/node-server";
import type { App } from "../../app.ts";
import type { Releases } from "../../lib/releases.ts";

/**
 * Serves the app on HTTP. Port 0 takes a free one. Its release takes no more requests and waits until those under way
 * have ended, also those whose clients have gone: they use what is released next. After `graceMs` it waits no longer
 * and cuts their connections.
 */
export async function serve(
  app: App,
  options: { host: string; port: number; graceMs: number; releases: Releases },
): Promise<string> {
  const running = new Set<Promise<unknown>>();
  let closing = false;
  const fetch = async (request: Request, bindings: HttpBindings): Promise<Response> => {
    const { incoming, outgoing } = bindings;
    const answering = Promise.resolve(app.fetch(request, bindings));
    running.add(answering);
    try {
      const answer = await answering;
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
      running.delete(answering);
    }
  };
  const server = createAdaptorServer({
    fetch: (request, env) => fetch(request, env as HttpBindings),
    // It gives a client half a second to send the rest of a body that was refused; readRest gives as long as it sends.
    autoCleanupIncoming: false,
  }) as Server;
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
