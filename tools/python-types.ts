/** Writes an OpenAPI 3.1 document's schemas as Python's TypedDicts: python/src/maskwright/models.py. */
import type { ApiDocument, Schema } from "./client-types.ts";

const head = `# Made from /openapi.json by tools/python-types.ts: \`npx vitest run test/client --update=all\` writes it anew. Don't edit.
"""What the API answers, as it comes: JSON's objects, typed."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict
`;

/** The whole file. Unions and other texts that are no class stand behind the classes that they name. */
export function pythonTypes({ components }: ApiDocument): string {
  const module = new PythonModule(components.schemas);
  for (const name of Object.keys(components.schemas).sort()) module.add(name);
  return `${head}${module.text}`;
}

/** What can be a class: an object with properties, or such with more of them. */
const isClass = (schema: Schema): boolean => schema.properties !== undefined;

class PythonModule {
  readonly #schemas: Record<string, Schema>;
  readonly #classes: string[] = [];
  readonly #aliases: string[] = [];
  /** Names of classes by what they hold: what looks alike in two places is one class. */
  readonly #alike = new Map<string, string>();
  readonly #taken = new Set<string>();
  readonly #done = new Set<string>();

  constructor(schemas: Record<string, Schema>) {
    this.#schemas = schemas;
    for (const name of Object.keys(schemas)) this.#taken.add(name);
  }

  get text(): string {
    return [...this.#classes, ...this.#aliases]
      .map((one) => `\n\n${one}`)
      .join("\n")
      .replace(/\n*$/, "\n");
  }

  add(name: string): void {
    if (this.#done.has(name)) return;
    this.#done.add(name);
    const schema = this.#schemas[name] as Schema;
    const [base, more, ...others] = schema.allOf ?? [];
    if (base?.$ref !== undefined && more && isClass(more) && others.length === 0) {
      const parent = nameOf(base.$ref);
      this.add(parent);
      if (isClass(this.#schemas[parent] ?? {})) {
        this.#writeClass(name, more, parent);
        return;
      }
    }
    if (isClass(schema)) this.#writeClass(name, schema, "TypedDict");
    else this.#aliases.push(`${name}: TypeAlias = ${JSON.stringify(this.#typeOf(schema, name))}`);
  }

  #writeClass(name: string, { properties = {}, required = [] }: Schema, base: string): void {
    const fields = Object.entries(properties).map(([field, schema]) => {
      const type = this.#typeOf(schema, name + pascal(field));
      return { field, type: required.includes(field) ? type : `NotRequired[${type}]`, schema };
    });
    // What is no name in Python can only be written this way.
    if (fields.some(({ field }) => !/^[A-Za-z_]\w*$/.test(field) || keywords.has(field))) {
      const entries = fields.map(
        ({ field, type }) => `    ${JSON.stringify(field)}: ${JSON.stringify(type)},`,
      );
      this.#classes.push(
        `${name} = TypedDict(\n    "${name}",\n    {\n${entries.map((one) => `    ${one}`).join("\n")}\n    },\n)`,
      );
      return;
    }
    const lines = fields.flatMap(({ field, type, schema }) => [
      `    ${field}: ${type}`,
      ...(schema.description === undefined ? [] : [`    ${docstring(schema.description)}`]),
    ]);
    this.#classes.push([`class ${name}(${base}):`, ...(lines.length > 0 ? lines : ["    pass"])].join("\n"));
  }

  #typeOf(schema: Schema | undefined, name: string): string {
    if (!schema) return "Any";
    if (schema.$ref !== undefined) return nameOf(schema.$ref);
    if ("const" in schema) return `Literal[${literal(schema.const)}]`;
    if (schema.enum) return `Literal[${schema.enum.map(literal).join(", ")}]`;
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices) return union(choices.map((one) => this.#typeOf(one, name + variantOf(one))));
    const [only, ...others] = schema.allOf ?? [];
    if (only) return others.length === 0 ? this.#typeOf(only, name) : "dict[str, Any]";
    if (Array.isArray(schema.type))
      return union(schema.type.map((type) => this.#oneType({ ...schema, type }, name)));
    return this.#oneType(schema, name);
  }

  #oneType(schema: Schema, name: string): string {
    if (schema.type === "string") return schema.format === "binary" ? "bytes" : "str";
    if (schema.type === "integer") return "int";
    if (schema.type === "number") return "float";
    if (schema.type === "boolean") return "bool";
    if (schema.type === "null") return "None";
    // JSON knows no tuples: what has places of its own comes as a list, too.
    if (schema.type === "array") {
      const items = schema.prefixItems ?? [schema.items];
      return `list[${union(items.map((one) => this.#typeOf(one, name)))}]`;
    }
    if (isClass(schema)) return this.#inner(schema, name);
    const { additionalProperties: more } = schema;
    return typeof more === "object" ? `dict[str, ${this.#typeOf(more, `${name}Value`)}]` : "dict[str, Any]";
  }

  #inner(schema: Schema, wanted: string): string {
    const key = JSON.stringify([schema.properties, schema.required]);
    const there = this.#alike.get(key);
    if (there !== undefined) return there;
    let name = wanted;
    for (let k = 2; this.#taken.has(name); k++) name = `${wanted}${k}`;
    this.#taken.add(name);
    this.#alike.set(key, name);
    this.#writeClass(name, schema, "TypedDict");
    return name;
  }
}

const keywords = new Set([
  "from",
  "in",
  "is",
  "class",
  "global",
  "import",
  "not",
  "pass",
  "with",
  "as",
  "def",
]);

const nameOf = (reference: string): string => reference.slice(reference.lastIndexOf("/") + 1);

const pascal = (text: string): string =>
  text
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join("");

/** What tells one form of an object from the others. */
function variantOf({ properties = {} }: Schema): string {
  for (const { const: value, enum: values } of Object.values(properties)) {
    const only = values?.length === 1 ? values[0] : value;
    if (typeof only === "string") return pascal(only);
  }
  return "";
}

const union = (types: readonly string[]): string => [...new Set(types)].join(" | ");

function literal(value: unknown): string {
  if (value === null) return "None";
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}

/** Wrapped at 100 characters. */
function docstring(text: string): string {
  const words = text.replaceAll("\\", "\\\\").replaceAll('"""', "'''").split(/\s+/);
  const lines = [""];
  for (const word of words) {
    const last = lines.at(-1) as string;
    if (last !== "" && last.length + word.length > 98) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  const end = lines.at(-1)?.endsWith('"') ? " " : "";
  return `"""${lines.join("\n    ")}${end}"""`;
}
