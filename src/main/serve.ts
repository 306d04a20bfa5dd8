import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { App } from "../app.ts";
import type { Releases } from "../lib/releases.ts";

/** Serves the app on HTTP; its release stops taking requests and lets running ones end. Port 0 takes a free one. */
export async function serve(
  app: App,
  options: { host: string; port: number; releases: Releases },
): Promise<string> {
  const server = createAdaptorServer({ fetch: app.fetch });
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
    const closed = new Promise((resolve) => server.close(resolve));
    // Keep-alive connections that wait for a next request would hold the server open.
    if ("closeIdleConnections" in server) server.closeIdleConnections();
    const force = setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), 5000);
    await closed;
    clearTimeout(force);
  });
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return `http://${host}:${port}`;
}
