import { cityscapes } from "./cityscapes.ts";
import { createMl } from "./create-ml.ts";
import { darwin } from "./darwin.ts";
import { datumaro } from "./datumaro.ts";
import type { DocumentFormat } from "./document.ts";
import { encord } from "./encord.ts";
import { hasty } from "./hasty.ts";
import { isat } from "./isat.ts";
import { labelbox } from "./labelbox.ts";
import { labelMe } from "./labelme.ts";
import { quPath } from "./qupath.ts";
import { sa1b } from "./sa-1b.ts";
import { superAnnotate } from "./superannotate.ts";
import { supervisely } from "./supervisely.ts";
import { via } from "./via.ts";

export type { DocumentFormat } from "./document.ts";

/** Tools' JSON that is parsed whole, in the order in which a file is held against them. */
export const documentFormats: readonly DocumentFormat[] = [
  labelMe,
  sa1b,
  darwin,
  isat,
  cityscapes,
  supervisely,
  superAnnotate,
  datumaro,
  quPath,
  encord,
  labelbox,
  hasty,
  createMl,
  via,
];
