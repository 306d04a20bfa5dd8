import { RefusedFile } from "../checkpoint/refused.ts";
import type { Staged } from "./staged.ts";

export async function stageOnnx(_paths: readonly string[], _folder: string): Promise<Staged> {
  throw new RefusedFile("unreadable", "not yet");
}
