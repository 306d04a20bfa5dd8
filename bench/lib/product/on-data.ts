import { loadavg } from "node:os";
import { basename } from "node:path";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { Releases } from "../../../src/lib/releases.ts";
import type { PreparedData } from "../../../src/training/data/prepare.ts";
import { machine } from "../report.ts";
import type { DataOptions } from "./data-options.ts";
import { zipOf } from "./data-zip.ts";
import { Product } from "./product.ts";
import { Progress } from "./progress.ts";

export interface OnData {
  readonly product: Product;
  readonly scope: ProjectScope;
  readonly data: PreparedData;
  readonly progress: Progress;
}

/** What every report on a data set begins with. */
const about = (bench: string, { data }: DataOptions, loadBefore: number) => ({
  bench,
  data: basename(data),
  ...machine(),
  load: [loadBefore, loadavg()[0] ?? 0],
});

/** Measures something on a project of its own that holds a bench's data, every image embedded; all is released after it. */
export async function onData<Report extends object>(
  bench: string,
  options: DataOptions,
  { signal, measure }: { signal: AbortSignal; measure: (on: OnData) => Promise<Report> },
) {
  const releases = new Releases();
  const progress = new Progress();
  releases.add("the progress bars", () => progress.end());
  const loadBefore = loadavg()[0] ?? 0;
  try {
    const { zip } = await zipOf(options, releases);
    const product = await Product.open({ ...options, engine: "auto", releases, progress, signal });
    const scope = await product.newProject(bench, zip, releases);
    const data = await product.prepare(scope, options.seed);
    await product.embed(data);
    const measured = await measure({ product, scope, data, progress });
    return { ...about(bench, options, loadBefore), ...measured };
  } finally {
    await releases.release();
  }
}
