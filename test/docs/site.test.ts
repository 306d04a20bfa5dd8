import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const pages = readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".md"),
);
/** What a heading is linked by, as GitHub makes it. */
const slugOf = (text: string): string =>
  text
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\s_-]/gu, "")
    .replaceAll(/\s/g, "-");
/** Without code, whose signs mean nothing. */
const prose = (page: string): string => read(page).replaceAll(/```[\s\S]*?```/g, "");
const headingsOf = (page: string): Set<string> =>
  new Set([...prose(page).matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) => slugOf(text.replaceAll("`", ""))));

describe("the guide of docs/", () => {
  it("has every page but decisions in its list", () => {
    const config = read("tools/docs-site/config.mjs");
    const listed = [...config.matchAll(/page\("[^"]+", "([^"]*)"\)/g)].map(([, name = ""]) => name);
    const wanted = pages.filter((name) => !name.startsWith("adr/")).map((name) => name.slice(0, -3));
    expect(listed.toSorted()).toEqual(
      [...wanted.filter((name) => name !== "quick-start"), "", "adr/"].toSorted(),
    );
  });

  it("is built by a version of VitePress that is locked", () => {
    const { devDependencies } = JSON.parse(read("tools/docs-site/package.json")) as {
      devDependencies: { vitepress: string };
    };
    const lock = JSON.parse(read("tools/docs-site/package-lock.json")) as {
      packages: Record<string, { version: string }>;
    };
    expect(lock.packages["node_modules/vitepress"]?.version).toBe(devDependencies.vitepress);
  });
});

const outside = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "python/README.md"];
it.each([...outside, ...pages.map((name) => `docs/${name}`)])(
  "links of %s lead to headings that are there",
  (page) => {
    const links = [...prose(page).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*\.md)?#([^)]+)\)/g)];
    const missing = links
      .map(([, path, heading = ""]) => ({
        heading,
        path: path === undefined ? page : join(page, "..", path),
      }))
      .filter(({ path, heading }) => !headingsOf(path).has(heading))
      .map(({ path, heading }) => `${path}#${heading}`);
    expect(missing).toEqual([]);
  },
);
