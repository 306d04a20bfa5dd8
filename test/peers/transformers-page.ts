import { once } from "node:events";
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { chromium } from "playwright-core";

const page = join(import.meta.dirname, "ask-transformers.html");
const types: Record<string, string> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".png": "image/png",
};

/** Debian's chromium, which .ci/run installs, or the one that CHROMIUM names. */
export const browserPath = [process.env["CHROMIUM"], "/usr/bin/chromium"].find(
  (path) => path !== undefined && existsSync(path),
);

/**
 * Opens ask-transformers.html among folders that are served by their names; each prompt's IoU with the API's mask, and what
 * the page asked of others.
 */
export async function askInBrowser(
  folders: Readonly<Record<string, string>>,
): Promise<{ ious: number[] | string; elsewhere: string[] }> {
  const server = createServer((request, response) => {
    const [, name = "", ...rest] = new URL(request.url ?? "/", "http://page").pathname.split("/");
    const folder = folders[name];
    const path = name === "" ? page : folder === undefined ? null : join(folder, ...rest);
    if (path === null || !existsSync(path)) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" });
    return createReadStream(path).pipe(response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ["--no-sandbox", "--disable-dev-shm-usage"];
  const browser = await chromium.launch({ executablePath: browserPath as string, args });
  try {
    const tab = await browser.newPage();
    const elsewhere: string[] = [];
    tab.on("request", (request) => {
      const { protocol, origin: asked } = new URL(request.url());
      if (/^https?:$/.test(protocol) && asked !== origin) elsewhere.push(asked);
    });
    await tab.goto(origin);
    return { ious: await tab.evaluate("globalThis.answer"), elsewhere };
  } finally {
    await browser.close();
    server.close();
  }
}
