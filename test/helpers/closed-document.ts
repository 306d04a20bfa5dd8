interface Operation {
  readonly responses: Record<string, { content?: Record<string, unknown> }>;
}

/** Paths of an OpenAPI document, as far as the tests read it. */
export type Paths = Record<string, Record<string, Operation>>;
export type Json = Record<string, unknown>;

/**
 * The description with every object closed: what it doesn't name may not be there. Parts of an `allOf` are closed
 * together, by the schema that holds them.
 */
export function closed(document: Json): Json {
  const { components, paths, ...rest } = document as { components: { schemas: Json }; paths: Paths } & Json;
  const schemas = Object.fromEntries(
    Object.entries(components.schemas).map(([name, schema]) => [name, close(schema, true)]),
  );
  const closedPaths = structuredClone(paths);
  for (const item of Object.values(closedPaths)) {
    for (const { responses } of Object.values(item)) {
      for (const { content = {} } of Object.values(responses)) {
        for (const media of Object.values(content) as Json[]) media["schema"] = close(media["schema"], false);
      }
    }
  }
  return { ...rest, components: { schemas }, paths: closedPaths };
}

function close(schema: unknown, open: boolean): unknown {
  if (schema === null || typeof schema !== "object") return schema;
  if (Array.isArray(schema)) return schema.map((one) => close(one, open));
  const result: Json = { ...schema };
  for (const [key, value] of Object.entries(schema as Json)) {
    if (key === "properties" || key === "$defs") {
      const entries = Object.entries(value as Json).map(([name, one]) => [name, close(one, false)]);
      result[key] = Object.fromEntries(entries);
    } else if (["items", "prefixItems", "additionalProperties"].includes(key))
      result[key] = close(value, false);
    else if (key === "allOf") result[key] = close(value, true);
    else if (key === "anyOf" || key === "oneOf") result[key] = close(value, open);
  }
  const holds = ["properties", "$ref", "allOf"].some((key) => key in result);
  if (!open && holds && !("additionalProperties" in result)) result["unevaluatedProperties"] = false;
  return result;
}
