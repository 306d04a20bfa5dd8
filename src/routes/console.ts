import { resolve } from "node:path";
import { createRouter } from "./http/router.ts";
import { staticFiles, type StaticManifest } from "./http/static-files.ts";

/** What main/build-console.ts writes beside the files: which there are, and from which sources they were made. */
export interface ConsoleManifest extends StaticManifest {
  /** Hash of what the console is built of, and of what draws its example project. */
  readonly sources: string;
  readonly example: string;
}

/** build/console of this package, whatever the working directory. */
export const consoleFolder = resolve(import.meta.dirname, "../../build/console");

/**
 * Only what this server serves, and no inline script or style. `wasm-unsafe-eval` lets onnxruntime compile its
 * WebAssembly and nothing else; `blob:` shows files that are being uploaded.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The console: static files, the same for everybody. What it shows comes from the API, with the visitor's session. */
export function consoleRoutes(folder = consoleFolder) {
  const router = createRouter();
  const send = staticFiles(folder, {
    policyOf: () => policy,
    what: "the console",
    unbuilt: "The console is not built here; run: npm run build:console.",
  });

  router.get("/", (c) => send(c, "index.html", "fresh"));
  router.get("/favicon.svg", (c) => send(c, "favicon.svg", "fresh"));
  router.get("/console/*", (c) => send(c, c.req.path.slice("/console/".length), "hashed"));
  return router;
}
