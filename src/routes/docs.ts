import type { OpenAPIHono } from "@hono/zod-openapi";
import { renderDocs } from "./http/docs-page.ts";
import { describeApi, type Document } from "./http/document.ts";
import type { Env } from "./http/env.ts";

/** /openapi.json and /docs, both made of the very schemas that check requests. Comes last: it reads all other routes. */
export function addDocs(app: OpenAPIHono<Env>): void {
  // Both are the same for every request, so they are made once, at the first.
  let document: Document | undefined;
  let page: string | undefined;
  const getDocument = () => (document ??= describeApi(app));

  app.get("/openapi.json", (c) => c.json(getDocument()));
  app.get("/docs", (c) => {
    page ??= renderDocs(getDocument());
    // The page fetches nothing and runs no script.
    c.header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:");
    return c.html(page);
  });
}
