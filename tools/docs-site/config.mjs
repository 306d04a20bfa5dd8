import { resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitepress";

const pages = fileURLToPath(new URL("../pages", import.meta.url));
const page = (text, link) => ({ text, link: `/${link}` });

/** The guide: docs/ as they lie, under /docs/guide of a running server. Nothing of it is fetched from elsewhere. */
export default defineConfig({
  title: "maskwright",
  description: "Your own Segment Anything, one click away",
  lang: "en",
  // The console's own.
  head: [["link", { rel: "icon", href: "/favicon.svg" }]],
  base: "/docs/guide/",
  srcDir: "pages",
  outDir: "out",
  rewrites: { "quick-start.md": "index.md", "adr/README.md": "adr/index.md" },
  cleanUrls: true,
  // Pages then have no script of their own inside, so that one policy fits all.
  metaChunk: true,
  vite: { logLevel: "warn", build: { chunkSizeWarningLimit: 2000 } },
  markdown: {
    anchor: { slugify: slugOf },
    html: false,
    config: (md) => md.core.ruler.push("links-out-of-docs", withoutLinksOut),
  },
  themeConfig: {
    search: { provider: "local" },
    outline: [2, 3],
    sidebar: [
      {
        text: "Begin",
        items: [
          page("Quick start", ""),
          page("Concepts", "concepts"),
          page("How a fine-tune decides", "decides"),
          page("Recipes", "recipes"),
        ],
      },
      {
        text: "Data and versions",
        items: [
          page("Formats", "imports"),
          page("Preflight", "preflight"),
          page("Finding without prompts", "find"),
          page("Exports", "exports"),
        ],
      },
      {
        text: "In other tools",
        items: [
          page("Compatibility", "compatibility"),
          page("Label Studio", "label-studio"),
          page("CVAT", "cvat"),
          page("Python", "python"),
          page("Command line", "cli"),
          page("Agents", "agents"),
        ],
      },
      {
        text: "Self-hosting",
        items: [
          page("Operations", "operations"),
          page("Reliability", "reliability"),
          page("Scale", "scale"),
          page("GPUs", "gpu"),
        ],
      },
      {
        text: "How good, how quick",
        items: [
          page("Quality", "quality"),
          page("Performance", "performance"),
          page("Parity", "parity"),
          page("Parity of everything", "parity-everything"),
        ],
      },
      {
        text: "Inside",
        items: [page("States of a fine-tune", "states"), page("Decisions", "adr/")],
      },
    ],
  },
});

/** What a heading is linked by, as GitHub makes it, so that links hold in both places. */
function slugOf(text) {
  const plain = text.trim().toLowerCase();
  return plain.replaceAll(/[^\p{L}\p{M}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
}

/** A link to a file of the repository that is no page becomes plain text: whoever reads the guide has no checkout. */
function withoutLinksOut({ tokens, env }) {
  const from = resolve(pages, env.relativePath ?? "", "..");
  for (const { children } of tokens) {
    if (!children) continue;
    let isOut = false;
    for (const token of children) {
      if (token.type === "link_open") {
        const href = token.attrGet("href") ?? "";
        const isHere = /^(\.{0,2}\/|[\w-]+[./])/.test(href) && !/^\w+:/.test(href);
        const path = resolve(from, decodeURI(href).replace(/#.*$/, ""));
        isOut = isHere && path !== pages && !path.startsWith(pages + sep);
      }
      const isEnd = token.type === "link_close";
      if (isOut && (token.type === "link_open" || isEnd))
        Object.assign(token, { type: "text", tag: "", attrs: null, nesting: 0, content: "" });
      if (isEnd) isOut = false;
    }
  }
}
