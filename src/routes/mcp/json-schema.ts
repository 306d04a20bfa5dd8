import { getOpenApiMetadata } from "@asteasolutions/zod-to-openapi";
import { z } from "@hono/zod-openapi";

export interface ObjectSchema {
  readonly type: "object";
  readonly [keyword: string]: unknown;
}

/**
 * A schema as JSON Schema with the descriptions that the OpenAPI document has, too. It means the same by drafts 7 and
 * 2020-12, as clients of the older protocol read it by the former, and names neither in `$schema`.
 */
export function jsonSchemaOf(schema: z.ZodObject, io: "input" | "output"): ObjectSchema {
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, {
    io,
    override: ({ zodSchema, jsonSchema }) => {
      const { description } = getOpenApiMetadata(zodSchema as unknown as z.ZodType);
      if (description !== undefined) jsonSchema.description ??= description;
      // What zod says of every whole number and every time, and what tells a reader nothing.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
      asList(jsonSchema);
    },
  });
  return { ...rest, type: "object" };
}

type Written = Parameters<
  NonNullable<NonNullable<Parameters<typeof z.toJSONSchema>[1]>["override"]>
>[0]["jsonSchema"];

/** A tuple as a list of its length, as each draft writes one in another way. Throws an Error where its items differ. */
function asList(written: Written): void {
  const { prefixItems } = written;
  if (!prefixItems) return;
  const [first, ...others] = prefixItems.map((item) => JSON.stringify(item));
  if (others.some((one) => one !== first)) throw new Error(`a tuple of several kinds: ${first}, ...`);
  delete written.prefixItems;
  written.items = prefixItems[0];
  written.minItems = prefixItems.length;
  written.maxItems = prefixItems.length;
}
