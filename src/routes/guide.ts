import { resolve } from "node:path";
import { createRouter } from "./http/router.ts";
import { staticFiles, type StaticManifest } from "./http/static-files.ts";

/** build/guide of this package, whatever the working directory. */
export const guideFolder = resolve(import.meta.dirname, "../../build/guide");

/** Only what this server serves, and of what stands in a page only the scripts that it was built with; code is coloured by styles. */
const policyOf = ({ scripts = [] }: StaticManifest): string =>
  [
    "default-src 'none'",
    `script-src ${["'self'", ...scripts.map((hash) => `'${hash}'`)].join(" ")}`,
    "style-src 'self' 'unsafe-inline'",
    "font-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");

/** The guide: docs/ as a site with a search, once `npm run build:docs` has made it. */
export function guideRoutes(folder = guideFolder) {
  const router = createRouter();
  const send = staticFiles(folder, {
    policyOf,
    what: "the guide",
    unbuilt: "The guide is not built here; run: npm run build:docs.",
  });
  const base = "/docs/guide";

  router.get(base, (c) => c.redirect(`${base}/`, 308));
  router.get(`${base}/*`, (c) => {
    const path = c.req.path.slice(base.length + 1);
    if (path.startsWith("assets/")) return send(c, path, "hashed");
    const page = path === "" || path.endsWith("/") ? `${path}index.html` : path;
    return send(c, /\.\w+$/.test(page) ? page : `${page}.html`, "fresh");
  });
  return router;
}
