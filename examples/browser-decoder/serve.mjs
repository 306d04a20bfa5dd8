/** Serves the page, and onnxruntime-web beside it: node examples/browser-decoder/serve.mjs [PORT] */
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { dirname, extname, join } from "node:path";
import { pathToFileURL } from "node:url";

const runtime = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
const types = { ".html": "text/html; charset=utf-8", ".mjs": "text/javascript", ".wasm": "application/wasm" };

/** A server that gives index.html and the files below /ort/, by their bare names, and nothing else. */
export const pageServer = () =>
  createServer((request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://page");
    const [, name] = /^\/ort\/([\w.-]+)$/.exec(pathname) ?? [];
    const file = pathname === "/" ? join(import.meta.dirname, "index.html") : name && join(runtime, name);
    const type = file && types[extname(file)];
    if (!type || !existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": type });
    return createReadStream(file).pipe(response);
  });

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const port = Number(process.argv[2] ?? 8080);
  pageServer().listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}`));
}
