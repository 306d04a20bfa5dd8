import { sha256 } from "../../src/lib/hash.ts";
import type { Finder, FinderMetrics } from "../../src/domain/finder.ts";

const found = { ap50: 0.9, ap: 0.6, pq: 0.7, precision: 0.8, recall: 0.85, meanIou: 0.75 };
/** What was measured of a finder, and the finder. */
export const finds: FinderMetrics = {
  images: 2,
  emptyImages: 0,
  annotations: 3,
  groups: 2,
  all: found,
  intervals: { ap50: { low: 0.8, high: 0.95 }, pq: null },
  labels: [
    { ...found, label: "stamp", annotations: 2 },
    {
      ap50: null,
      ap: null,
      pq: null,
      precision: null,
      recall: null,
      meanIou: null,
      label: null,
      annotations: 1,
    },
  ],
  before: { version: 4, all: found, gain: { mean: 0.1, low: null, high: null } },
  gate: { promote: true, reason: "AP50 0.9 surely beats 0.4" },
  seconds: 12,
};
/** What stands for its weights. */
export const finderFile = Buffer.from("a finder");
export const finder: Finder = {
  key: "projects/prj/versions/ft-finder.safetensors",
  sha256: sha256(finderFile),
  bytes: 1000,
  labels: ["stamp", null],
  pool: 2,
  threshold: 0.4,
  calibration: { slope: 1, offset: 0 },
};
