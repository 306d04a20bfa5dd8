import type { Row } from "../types.ts";
import { answers } from "./answers.ts";
import { bodies } from "./bodies.ts";
import { dataSets } from "./data-sets.ts";
import { masks } from "./masks.ts";
import { models } from "./models.ts";
import { odd } from "./odd.ts";
import { pictures } from "./pictures.ts";

/** Rows by kind, first those that were seen to stop the service once, then others. */
export const rows: readonly Row[] = [
  ...bodies,
  ...masks,
  ...models,
  ...dataSets,
  ...pictures,
  ...answers,
  ...odd,
];
