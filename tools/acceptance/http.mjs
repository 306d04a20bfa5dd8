/** Calls of one installation with one key. Nothing here is the product's own code: it asks as a stranger does. */
export class Api {
  #url;
  #key;

  constructor(url, key) {
    this.#url = url.replace(/\/+$/, "");
    this.#key = key;
  }

  /** The answer, whatever its status, its body read: an object where it is JSON, else bytes. `key: null` sends none. */
  async ask(method, path, { json, body, type, headers = {}, key = this.#key } = {}) {
    const sent = { ...headers };
    if (key !== null) sent.authorization = `Bearer ${key}`;
    if (json !== undefined) sent["content-type"] = "application/json";
    else if (type) sent["content-type"] = type;
    const init = { method, headers: sent };
    if (json !== undefined) init.body = JSON.stringify(json);
    else if (body !== undefined) init.body = body;
    const answer = await fetch(this.#url + path, init);
    const bytes = Buffer.from(await answer.arrayBuffer());
    const isJson = (answer.headers.get("content-type") ?? "").includes("application/json");
    return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(bytes) : bytes };
  }

  /** The body of an answer that has to be a success. Throws an Error that names call, status and the answer's own words. */
  async get(path, options) {
    return this.#good("GET", path, options);
  }
  async post(path, json, options) {
    return this.#good("POST", path, { json, ...options });
  }
  async delete(path) {
    return this.#good("DELETE", path);
  }

  async #good(method, path, options) {
    const { status, body } = await this.ask(method, path, options);
    if (status >= 200 && status < 300) return body;
    const said = Buffer.isBuffer(body) ? body.toString().slice(0, 300) : JSON.stringify(body);
    throw new Error(`${method} ${path}: ${status} ${said}`);
  }

  /** Every entry of a list, page by page. */
  async all(path, limit = 100) {
    const entries = [];
    for (let cursor = ""; ;) {
      const page = await this.get(`${path}${path.includes("?") ? "&" : "?"}limit=${limit}${cursor}`);
      entries.push(...page.data);
      if (page.next_cursor === null) return entries;
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
  }
}

/** Throws an Error that says what was expected and what came. */
export function expect(holds, what, found) {
  if (!holds) throw new Error(found === undefined ? what : `${what}; found ${JSON.stringify(found)}`);
}

/** Holds an answer to be an error of the contract: this status, a code, a message and a request's id. */
export function expectError({ status, body }, wanted, code) {
  expect(status === wanted, `status ${wanted}`, status);
  const { error } = body;
  expect(
    typeof error?.message === "string" && typeof error.request_id === "string",
    "an error in its envelope",
    body,
  );
  if (code) expect(error.code === code, `the code ${code}`, error.code);
}
