import { z } from "@hono/zod-openapi";

/** More fields than this help nobody. */
const mostNamed = 40;

const fieldsOf = (schema: unknown): string[] =>
  Object.keys((schema as { _zod?: { def?: { shape?: object } } } | undefined)?._zod?.def?.shape ?? {});

/**
 * Words for what a schema refuses, where zod's own don't say what to send: a field that there is not names those that there
 * are, and one that is missing is called so. They hold for the whole process.
 */
z.config({
  customError: (issue) => {
    if (issue.code === "unrecognized_keys") {
      const fields = fieldsOf(issue.inst);
      return fields.length === 0 || fields.length > mostNamed
        ? undefined
        : `there is no such field; there are ${fields.join(", ")}`;
    }
    if (issue.code === "invalid_type" && issue.input === undefined)
      return `is missing; expected is ${/^[aeiou]/.test(issue.expected) ? "an" : "a"} ${issue.expected}`;
    return undefined;
  },
});
