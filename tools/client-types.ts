/** Writes an OpenAPI 3.1 document as the TypeScript types that openapi-fetch reads: src/client/schema.ts. */

export interface Schema {
  $ref?: string;
  const?: unknown;
  enum?: unknown[];
  type?: string | string[];
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
}

interface Parameter {
  name: string;
  in: "query" | "header" | "path" | "cookie";
  required?: boolean;
  schema?: Schema;
}

type Content = Record<string, { schema?: Schema }>;

interface Operation {
  summary?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Content };
  responses: Record<string, { content?: Content }>;
}

export interface ApiDocument {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const head =
  "// Made from /openapi.json by tools/client-types.ts: `npx vitest run test/client --update=all` writes it anew. Don't edit.\n";

/** The whole file. */
export function clientTypes({ paths, components }: ApiDocument): string {
  const named = Object.entries(components.schemas)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, schema]) => `export type ${name} = ${typeOf(schema)};\n`);
  const routes = Object.entries(paths)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([path, item]) => {
      const methods = Object.entries(item).map(([method, one]) => `${method}: ${operationOf(one)}`);
      return `${quoted(path)}: {${methods.join(";")}}`;
    });
  return `${head}\n${named.join("\n")}\nexport interface paths {\n  ${routes.join(";\n  ")};\n}\n`;
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").replaceAll("*/", "* /");

const quoted = (text: string): string => JSON.stringify(text);

const nameOf = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : quoted(name));

function typeOf(schema: Schema | undefined): string {
  if (!schema) return "unknown";
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf("/") + 1);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  const parts = [
    ...(schema.allOf ?? []).map((part) => `(${typeOf(part)})`),
    ...(choices ? [`(${choices.map(typeOf).join(" | ")})`] : []),
    ...(schema.type === undefined && !schema.properties ? [] : [plainType(schema)]),
  ];
  return parts.length === 0 ? "unknown" : parts.join(" & ");
}

function plainType(schema: Schema): string {
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? "object"];
  return types.map((type) => oneType(type, schema)).join(" | ");
}

function oneType(type: string, schema: Schema): string {
  if (type === "string") return schema.format === "binary" ? "Blob" : "string";
  if (type === "integer" || type === "number") return "number";
  if (type === "boolean" || type === "null") return type;
  if (type === "array") {
    if (schema.prefixItems) return `[${schema.prefixItems.map(typeOf).join(", ")}]`;
    return `(${typeOf(schema.items)})[]`;
  }
  return objectType(schema);
}

function objectType({ properties = {}, required = [], additionalProperties }: Schema): string {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const comment = schema.description === undefined ? "" : `/** ${oneLine(schema.description)} */ `;
    return `${comment}${nameOf(name)}${required.includes(name) ? "" : "?"}: ${typeOf(schema)}`;
  });
  const own = fields.length > 0 ? [`{${fields.join(";")}}`] : [];
  const open =
    typeof additionalProperties === "object" ? [`Record<string, ${typeOf(additionalProperties)}>`] : [];
  const all = [...own, ...open];
  return all.length === 0 ? "Record<string, unknown>" : all.join(" & ");
}

const contentOf = (content: Content): string =>
  `{${Object.entries(content)
    .map(([type, { schema }]) => `${quoted(type)}: ${typeOf(schema)}`)
    .join(";")}}`;

function operationOf({ summary, parameters = [], requestBody, responses }: Operation): string {
  const places = (["query", "header", "path", "cookie"] as const).map((place) => {
    const those = parameters.filter((one) => one.in === place);
    if (those.length === 0) return `${place}?: never`;
    const fields = those.map((one) => `${nameOf(one.name)}${one.required ? "" : "?"}: ${typeOf(one.schema)}`);
    return `${place}${those.some((one) => one.required) ? "" : "?"}: {${fields.join(";")}}`;
  });
  const body = requestBody
    ? `requestBody${requestBody.required ? "" : "?"}: {content: ${contentOf(requestBody.content)}}`
    : "requestBody?: never";
  const answers = Object.entries(responses).map(([status, { content }]) => {
    const sent = content ? `content: ${contentOf(content)}` : "content?: never";
    return `${status}: {headers: Record<string, unknown>; ${sent}}`;
  });
  const comment = summary === undefined ? "" : `/** ${oneLine(summary)} */ `;
  return `{${comment}parameters: {${places.join(";")}}; ${body}; responses: {${answers.join(";")}}}`;
}
