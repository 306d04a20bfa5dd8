import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const text = (path: string): string => readFileSync(join(root, path), "utf8");
const { scripts } = JSON.parse(text("package.json")) as { scripts: Record<string, string> };
const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "python/README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

describe.each(pages)("%s", (page) => {
  it("links only to what is there", () => {
    const prose = text(page).replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
    const links = [...prose.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)];
    const missing = links
      .map(([, path = ""]) => path)
      .filter((path) => !existsSync(resolve(root, dirname(page), decodeURI(path))));
    expect(missing).toEqual([]);
  });

  it("names only scripts that npm knows", () => {
    const names = [...text(page).matchAll(/\bnpm (?:run (?:--silent )?([\w:-]+)|(start|test)\b)/g)];
    const unknown = names
      .map(([, run, plain]) => run ?? plain ?? "")
      .filter((name) => !(name in scripts) && name !== "scripts");
    expect(unknown).toEqual([]);
  });

  it("names only files of the project that are there", () => {
    const named = [
      ...text(page).matchAll(
        /`((?:src|test|bench|tools|peers|python|docs|infra|examples)\/[\w./-]+\.(?:ts|tsx|mjs|sh|md|json|py))`/g,
      ),
    ];
    const missing = named.map(([, path = ""]) => path).filter((path) => !existsSync(join(root, path)));
    expect(missing).toEqual([]);
  });
});

it("every decision has a date, a status and 500 words at most, and stands in the list", () => {
  const decisions = pages.filter((page) => /^docs\/adr\/\d{4}-/.test(page));
  const list = text("docs/adr/README.md");
  expect(decisions.length).toBeGreaterThan(20);
  for (const page of decisions) {
    expect(text(page)).toMatch(
      /^# \d{4}: .+\n\n(Accepted|Superseded by \[\d{4}\]\([\w.-]+\)), \d+ [A-Z][a-z]+ \d{4}\.\n/,
    );
    expect(list).toContain(`(${page.slice("docs/adr/".length)})`);
    expect(text(page).split(/\s+/).length, `words of ${page}`).toBeLessThanOrEqual(500);
  }
});

it("the map of CONTRIBUTING.md names every folder of src and of the outbuildings, and no other", () => {
  const [, map = ""] = /## Where things live\n+```\n([\s\S]*?)```/.exec(text("CONTRIBUTING.md")) ?? [];
  const named = [...map.matchAll(/^src\/([\w-]+)/gm)].map(([, name]) => name);
  const folders = readdirSync(join(root, "src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);
  expect(new Set(named)).toEqual(new Set(folders));
  const outside = [...map.matchAll(/^([\w-]+) {2}/gm)].map(([, name]) => name);
  expect(outside.toSorted((a, b) => (a ?? "").localeCompare(b ?? ""))).toEqual([
    "bench",
    "examples",
    "infra",
    "peers",
    "python",
    "test",
    "tools",
  ]);
});

it("every command of CONTRIBUTING.md names a script and a file that are there", () => {
  const commands = [...text("CONTRIBUTING.md").matchAll(/`(npm [^`]+|\.ci\/run)`/g)].map(
    ([, one = ""]) => one,
  );
  const files = commands.flatMap((one) =>
    one.split(" ").filter((word) => /^(test|build)\/[\w./-]+\.ts$/.test(word)),
  );
  expect(commands.length).toBeGreaterThan(10);
  expect(files.length).toBeGreaterThan(0);
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  expect(existsSync(join(root, ".ci/run"))).toBe(true);
});
