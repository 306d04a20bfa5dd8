/** The base models that can be served, by name. */
export { baseModelNames } from "../checkpoint/base-models.ts";
