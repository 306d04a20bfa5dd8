import { join } from "node:path";

/** What the container images are built from; .dockerignore keeps the rest out. */
export const repository = join(import.meta.dirname, "../..");
