import { errorOf } from "./errors.ts";
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

/** The messages of a text/event-stream; a line that breaks in the middle ends them. */
async function* messages(body: ReadableStream<Uint8Array>): AsyncGenerator<{ name: string; data: string }> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const field = (name: string): string[] =>
          block
            .split("\n")
            .filter((line) => line.startsWith(`${name}:`))
            .map((line) => line.slice(name.length + 1).trimStart());
        const data = field("data").join("\n");
        if (data !== "") yield { name: field("event")[0] ?? "message", data };
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
