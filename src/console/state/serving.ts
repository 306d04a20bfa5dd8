import type { FineTune } from "../api/types.ts";

export type Serving = "interactive" | "best";

/** The request for the same fine-tune with the other serving; tiles that were asked for are none of quick answers. */
export function otherServing(
  { hyperparameters, base_version: from, seed }: Pick<FineTune, "hyperparameters" | "base_version" | "seed">,
  asked: Serving,
): Record<string, unknown> {
  const serving: Serving = asked === "interactive" ? "best" : "interactive";
  const { zoom, ...rest } = hyperparameters;
  const tiles = typeof zoom === "object" && zoom !== null && "tiles" in zoom && Number(zoom.tiles) > 1;
  const keepsZoom = zoom !== undefined && !(tiles && serving === "interactive");
  return {
    hyperparameters: { ...rest, ...(keepsZoom && { zoom }), serving },
    seed,
    ...(from !== null && { base_version: from }),
  };
}
