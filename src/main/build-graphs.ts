/** Records the graphs where they are stale: see graphs/build.ts. */
import { buildGraphs } from "../graphs/build.ts";
import { graphsFolder } from "../graphs/files.ts";
import { usageOr } from "./shared/usage.ts";

usageOr(
  "usage: npm run build:graphs -- [--if-stale]\n  Records the decoder into build/graphs; with --if-stale, only where its source changed.",
  {
    options: { "if-stale": { type: "boolean" } },
  },
);
const force = !process.argv.includes("--if-stale");
const manifest = await buildGraphs({ force });
if (force) console.log(`${manifest.decoders.length} decoder graphs in ${graphsFolder}`);
