import { errorOf } from "./errors.ts";
import { messages } from "./messages.ts";
import type { FineTune, FineTuneEvent } from "./schema.ts";

export type FollowedEvent = { type: "event"; event: FineTuneEvent } | { type: "end"; fineTune: FineTune };

/**
 * What a fine-tune tells, as it tells it, and at last the job as it ended. A stream that breaks off is taken up again
 * behind the last event.
 * @param open asks for the stream behind an event's id
 */
export async function* followEvents(
  open: (lastEventId: string | null) => Promise<Response>,
): AsyncGenerator<FollowedEvent> {
  let lastEventId: string | null = null;
  for (;;) {
    const response = await open(lastEventId);
    if (!response.ok || !response.body) throw await errorOf(response);
    for await (const { name, data } of messages(response.body)) {
      if (name === "fine_tune") {
        yield { type: "end", fineTune: JSON.parse(data) as FineTune };
        return;
      }
      if (name !== "fine_tune.event") continue;
      const event = JSON.parse(data) as FineTuneEvent;
      lastEventId = event.id;
      yield { type: "event", event };
    }
  }
}
