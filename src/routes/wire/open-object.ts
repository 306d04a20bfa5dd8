import { z } from "@hono/zod-openapi";
import { passOver } from "../../lib/json-shape.ts";

/** What another tool sends along and nobody here reads. */
export const anything = () => passOver(z.unknown());

/** An object of another tool's protocol, whatever else it holds. */
export const open = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).catchall(anything());
