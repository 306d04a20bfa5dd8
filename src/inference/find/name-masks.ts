import type { FindDeps } from "./find.ts";
import type { Named, NameRequest } from "./types.ts";

/** What a version's finder calls the objects of some masks: see names.ts. */
export async function nameMasks(
  deps: Pick<FindDeps, "graphs" | "threads" | "embed" | "weights" | "peaks">,
  request: NameRequest,
): Promise<readonly (Named | null)[]> {
  const { finder } = request.version;
  const { embedding } = await deps.embed(request);
  const { names } = await deps.peaks({
    graph: deps.graphs[finder.pool],
    threads: deps.threads,
    weights: await deps.weights(request.version),
    finder,
    embedding,
    floor: Infinity,
    asks: [],
    most: 0,
    boxes: request.boxes,
  });
  return names;
}
