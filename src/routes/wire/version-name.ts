import { z } from "@hono/zod-openapi";
import { versionInPath, versionNumber } from "../http/scope.ts";

const maxVersions = 16;
const name = 'a version is "active", "base" or its number';

/** One version by name or number. */
export const versionName = z.union([z.literal("active"), z.literal("base"), versionNumber()], {
  error: name,
});

/** The same in a query. */
export const versionInQuery = z
  .union([z.literal("active"), z.literal("base"), versionInPath()], { error: name })
  .default("active")
  .openapi({ description: "active, base, or a number." });

/** One version, or several side by side. */
export const versionNames = z
  .union([versionName, z.array(versionName).min(1).max(maxVersions)], {
    error: `${name}; several are a list of at most ${maxVersions}`,
  })
  .default("active")
  .openapi({
    description: "active, base, a number, or a list of these; a version named twice answers once.",
  });
