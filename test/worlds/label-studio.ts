import { readFileSync } from "node:fs";

/**
 * Messages as label-studio 1.23 sends them, with brushes by its own SDK: made by peers/label_studio.py, and held to it by
 * test/peers. Their image is called `page 1.png`, and has 120 x 90 pixels.
 */
interface Messages {
  setup: object;
  predict: StudioPredict;
  "annotation-created": StudioSaved;
  "start-training": object;
}

export interface StudioPredict {
  tasks: { id: number; data: Record<string, unknown> }[];
  label_config: string;
  params: { context: { result: Record<string, unknown>[]; event?: string } | null };
}

export interface StudioSaved {
  action: string;
  annotation: { id: number; was_cancelled: boolean; result: object[] };
  project: object;
  task: { id: number; data: Record<string, unknown> };
}

export const studioMessage = <Name extends keyof Messages>(name: Name): Messages[Name] =>
  JSON.parse(
    readFileSync(new URL(`../routes/reference/label-studio-${name}.json`, import.meta.url), "utf8"),
  ) as Messages[Name];
