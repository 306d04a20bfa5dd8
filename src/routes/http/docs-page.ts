import type { Document } from "./document.ts";

interface Content {
  [mediaType: string]: { schema?: unknown };
}

interface Operation {
  summary?: string;
  description?: string;
  tags?: string[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: unknown }[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, { description: string; content?: Content }>;
}

const style = `
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h2{margin-top:2.5rem;border-bottom:1px solid #d8dee4}
article{margin:1.25rem 0;padding:.75rem 1rem;border:1px solid #d8dee4;border-radius:.4rem}
article h3{margin:0;font:600 1rem ui-monospace,monospace}
.method{display:inline-block;min-width:4.5rem;text-transform:uppercase;color:#0550ae}
pre{overflow:auto;background:#f6f8fa;padding:.75rem;border-radius:.4rem;font-size:.85rem}
table{border-collapse:collapse}td,th{padding:.15rem .75rem .15rem 0;text-align:left;vertical-align:top}
summary{cursor:pointer}code{font-size:.9em}
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}pre{background:#161b22}
article,h2{border-color:#30363d}.method,a{color:#79c0ff}}`;

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/** Back-ticks become code. */
const prose = (text = ""): string => escape(text).replace(/`([^`]+)`/g, "<code>$1</code>");

/** A schema as indented JSON, its references linked to their place on the page. */
const schemaHtml = (schema: unknown): string =>
  `<pre>${escape(JSON.stringify(schema, null, 2) ?? "")}</pre>`.replace(
    /\{\s*&quot;\$ref&quot;: &quot;#\/components\/schemas\/(\w+)&quot;\s*\}/g,
    '<a href="#schema-$1">$1</a>',
  );

const contentHtml = (content: Content = {}): string =>
  Object.entries(content)
    .map(([type, { schema }]) => `<p><code>${escape(type)}</code></p>${schemaHtml(schema)}`)
    .join("");

function parametersHtml(parameters: Operation["parameters"] = []): string {
  if (parameters.length === 0) return "";
  const rows = parameters.map(
    (one) =>
      `<tr><td><code>${escape(one.name)}</code></td><td>${one.in}${one.required ? "" : ", optional"}</td><td>${prose(one.description)}</td></tr>`,
  );
  return `<table>${rows.join("")}</table>`;
}

function operationHtml(method: string, path: string, operation: Operation): string {
  const body = operation.requestBody;
  const answers = Object.entries(operation.responses).map(
    ([status, { description, content }]) =>
      `<details><summary><b>${status}</b> ${prose(description)}</summary>${contentHtml(content)}</details>`,
  );
  return `<article><h3><span class="method">${method}</span>${escape(path)}</h3>
<p>${prose(operation.summary)}</p>${operation.description ? `<p>${prose(operation.description)}</p>` : ""}
${parametersHtml(operation.parameters)}
${body ? `<details><summary><b>Body</b>${body.required ? "" : ", optional"}</summary>${contentHtml(body.content)}</details>` : ""}
${answers.join("\n")}</article>`;
}

/** The API's description as one page of HTML that needs nothing else. */
export function renderDocs(document: Document): string {
  const byTag = new Map<string, string[]>();
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    for (const [method, value] of Object.entries(item as Record<string, Operation>)) {
      const tag = value.tags?.[0] ?? "other";
      byTag.set(tag, [...(byTag.get(tag) ?? []), operationHtml(method, path, value)]);
    }
  }
  const sections = [...byTag].map(([tag, parts]) => `<h2 id="${tag}">${tag}</h2>${parts.join("\n")}`);
  const schemas = Object.entries(document.components?.schemas ?? {}).map(
    ([name, schema]) => `<h3 id="schema-${name}">${name}</h3>${schemaHtml(schema)}`,
  );
  const links = [...byTag.keys()].map((tag) => `<a href="#${tag}">${tag}</a>`).join(" · ");
  const { title, description } = document.info;
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escape(title)}: the API</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${style}</style></head><body>
<h1>${escape(title)}</h1><p>${prose(description)}</p>
<p>Every <code>/v1</code> call needs <code>Authorization: Bearer mw_…</code>. The same description for programs:
<a href="/openapi.json">openapi.json</a>.</p><p>${links}</p>
${sections.join("\n")}<h2>Schemas</h2>${schemas.join("\n")}</body></html>`;
}
