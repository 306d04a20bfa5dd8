import { z } from "zod";
import { isFileChanged } from "./problems.ts";
import type { FormatContext } from "./types.ts";

const file = "maskwright.json";
const notesSchema = z.object({ unlabelled: z.string().nullish().catch(null) });

/**
 * What this project's own exports say beside another tool's format: `unlabelled`, the class that stands for annotations
 * without a label; null where nothing is said. See src/exports/annotations.
 */
export async function ownNotes({
  zip,
  claim,
  signal,
}: FormatContext): Promise<{ unlabelled: string | null }> {
  const entry = zip.entries.get(file);
  if (!entry || entry.bytes > 1024 ** 2) return { unlabelled: null };
  claim(file);
  try {
    const notes: unknown = JSON.parse((await zip.read(file, signal)).toString("utf8"));
    return { unlabelled: notesSchema.parse(notes).unlabelled ?? null };
  } catch (error) {
    if (isFileChanged(error)) throw error;
    // A file of somebody else's that is called so.
    return { unlabelled: null };
  }
}
