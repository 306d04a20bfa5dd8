import type { OpenAPIHono } from "@hono/zod-openapi";
import { renderDocs } from "./http/docs-page.ts";
import type { Env } from "./http/router.ts";

const about = {
  openapi: "3.1.0",
  info: {
    title: "maskwright",
    version: "1",
    description:
      "Your own Segment Anything: upload images and masks, fine-tune with one call, predict with your version. Boxes are [x0, y0, x1, y1] and points [x, y, label] in pixels of the original image, origin top left.",
  },
  security: [{ bearer: [] }],
};

/** /openapi.json and /docs, both made of the very schemas that check requests. Comes last: it reads all other routes. */
export function addDocs(app: OpenAPIHono<Env>): void {
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    description: "Your key: `Authorization: Bearer mw_…`.",
  });
  // Both are the same for every request, so they are made once, at the first.
  let document: ReturnType<typeof app.getOpenAPI31Document> | undefined;
  let page: string | undefined;
  const getDocument = () => (document ??= app.getOpenAPI31Document(about));

  app.get("/openapi.json", (c) => c.json(getDocument()));
  app.get("/docs", (c) => {
    page ??= renderDocs(getDocument());
    // The page fetches nothing and runs no script.
    c.header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:");
    return c.html(page);
  });
}
