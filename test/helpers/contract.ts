import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { expect, inject } from "vitest";
import type { App } from "../../src/app.ts";
import { isApiPath } from "../../src/routes/http/access.ts";
import { closed, type Json, type Paths } from "./closed-document.ts";

/**
 * Every answer of the app is held against the app's own description: its status must be documented, its content type
 * too, and its JSON must have what the schema says and nothing else. An answer that breaks the contract fails the
 * request that got it. The first GET of each route that gets an ETag is asked again with it. What was seen is noted for the end of the run (see missing-answers.ts).
 */
export function holdToContract<T extends App>(app: T): T {
  const ask = app.fetch;
  let contract: Promise<Contract> | undefined;
  app.fetch = async (request, ...rest) => {
    const response = await ask(request, ...rest);
    // A browser's question before the question, which a description of an API has no place for.
    if (request.method === "OPTIONS" && request.headers.has("access-control-request-method")) return response;
    contract ??= readContract(async (path) => ask(new Request(`http://localhost${path}`), ...rest));
    const { check, isFirst } = await contract;
    const problem = await check(request, response);
    if (problem !== null) throw new Error(problem);
    const tag = response.headers.get("etag");
    if (request.method === "GET" && response.status === 200 && tag !== null && isFirst(request)) {
      const headers = new Headers(request.headers);
      headers.set("if-none-match", tag);
      const again = new Request(request.url, { headers });
      const wrong = await check(again, await ask(again, ...rest));
      if (wrong !== null) throw new Error(wrong);
    }
    return response;
  };
  return app;
}

interface Contract {
  /** What is wrong with an answer; null where nothing is. */
  check: (request: Request, response: Response) => Promise<string | null>;
  /** Once for each documented route. */
  isFirst: (request: Request) => boolean;
}

async function readContract(get: (path: string) => Promise<Response>): Promise<Contract> {
  const document = (await (await get("/openapi.json")).json()) as { paths: Paths } & Json;
  const note = notebook(document);
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(closed(document), "api");
  const routes = Object.keys(document.paths)
    .map((path) => ({ path, pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`) }))
    // What is written out goes before what is a parameter.
    .sort((a, b) => count(a.path) - count(b.path));

  const validate = (pointer: string[], body: unknown): string | null => {
    const place = pointer
      .map((part) => part.replaceAll("~", "~0").replaceAll("/", "~1"))
      .map(encodeURIComponent);
    const check = ajv.getSchema(`api#/${place.join("/")}`) as ValidateFunction;
    if (check(body)) return null;
    return ajv.errorsText(check.errors, { separator: "; " });
  };

  const find = ({ method, url }: Request) => {
    const { pathname } = new URL(url);
    const verb = method === "HEAD" ? "get" : method.toLowerCase();
    const route = routes.find((one) => one.pattern.test(pathname) && document.paths[one.path]?.[verb]);
    return { pathname, method: verb, path: route?.path };
  };
  const asked = new Set<string | undefined>();

  return {
    isFirst(request) {
      const { path } = find(request);
      return !asked.has(path) && asked.add(path) !== undefined;
    },
    async check(request, response) {
      const { pathname, method, path } = find(request);
      if (path === undefined) return undocumented(pathname, response);
      const name = `${method.toUpperCase()} ${path} ${response.status}`;
      const answer = document.paths[path]?.[method]?.responses[response.status];
      if (!answer) return `${name} is not documented: ${await response.clone().text()}`;
      note(name);
      if (request.method === "HEAD" || response.body === null) return null;
      const type = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
      const media = Object.keys(answer.content ?? {}).find((known) => fits(known, type));
      if (media === undefined) return `${name} is not documented as ${type}`;
      if (media !== "application/json") return null;
      const content = [
        "paths",
        path,
        method,
        "responses",
        String(response.status),
        "content",
        media,
        "schema",
      ];
      const wrong = validate(content, await response.clone().json());
      return wrong === null ? null : `${name} is not as documented: ${wrong}`;
    },
  };
}

const count = (path: string): number => path.split("{").length;

const fits = (known: string, type: string): boolean =>
  known === type || known === "*/*" || (known.endsWith("/*") && type.startsWith(known.slice(0, -1)));

/** In the API only the answer that there is no such route or method may go without a description. */
async function undocumented(path: string, response: Response): Promise<string | null> {
  if (!isApiPath(path) || [401, 404, 405, 429].includes(response.status)) return null;
  return `${path} answers ${response.status} and is not documented`;
}

/** Notes each answer once, in a file that all processes of the run share. */
function notebook(document: object): (name: string) => void {
  const folder = inject("contractFolder");
  const known = join(folder, "document.json");
  if (!existsSync(known)) writeFileSync(known, JSON.stringify(document));
  const seen = new Set<string>();
  const line = (text: string) => {
    if (seen.has(text)) return;
    seen.add(text);
    appendFileSync(join(folder, "seen.txt"), `${text}\n`);
  };
  return (name) => {
    const { testPath } = expect.getState();
    if (testPath !== undefined) line(`file ${testPath}`);
    line(name);
  };
}
