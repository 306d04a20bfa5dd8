import type { FineTune, FineTuneEvent } from "./types.ts";

/**
 * Follows a fine-tune to its end. The browser goes on after the last event it saw when the line breaks.
 * Returns a function that stops it.
 */
export function followFineTune(
  projectId: string,
  id: string,
  on: { event: (event: FineTuneEvent) => void; end: (job: FineTune) => void; line: (up: boolean) => void },
): () => void {
  const source = new EventSource(`/v1/projects/${projectId}/fine-tunes/${id}/events`);
  source.addEventListener("open", () => on.line(true));
  source.addEventListener("error", () => on.line(false));
  source.addEventListener("fine_tune.event", (message) => {
    on.event(JSON.parse(message.data as string) as FineTuneEvent);
  });
  source.addEventListener("fine_tune", (message) => {
    source.close();
    on.end(JSON.parse(message.data as string) as FineTune);
  });
  return () => source.close();
}
