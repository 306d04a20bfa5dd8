import { useState } from "preact/hooks";
import { api } from "../../api/client.ts";
import type { Image } from "../../api/types.ts";
import { attempt } from "../../state/toasts.ts";

const answers = [
  ["", null],
  ["yes", true],
  ["no", false],
] as const;

/** Whether all objects on an image are annotated: a fine-tune asks where it has found others. */
export function Complete({ projectId, image }: { projectId: string; image: Image }) {
  const [shown, setShown] = useState(image);
  const answer = (complete: boolean | null): Promise<unknown> =>
    attempt(async () => {
      setShown(await api.patch<Image>(`/v1/projects/${projectId}/images/${image.id}`, { complete }));
    });
  return (
    <label class="row tight-row">
      <span class={shown.complete_asked ? "badge warn" : "muted small wide"}>Everything annotated?</span>
      <select
        class="input select-inline"
        aria-label="Everything annotated?"
        value={answers.find(([, value]) => value === shown.complete)?.[0] ?? ""}
        onChange={(event) => {
          const { value } = event.currentTarget;
          void answer(answers.find(([name]) => name === value)?.[1] ?? null);
        }}
      >
        <option value="">not said</option>
        <option value="yes">yes</option>
        <option value="no">no, in part</option>
      </select>
    </label>
  );
}
