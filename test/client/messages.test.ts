import { expect, it } from "vitest";
import { messages } from "../../src/client/messages.ts";

const text =
  ': still here\n\nevent: fine_tune.event\nid: 1\ndata: {"a":\ndata: "\u00e9"}\n\nevent: fine_tune\r\ndata: {}\r\n\r\ndata: cut off';

it("reads server-sent events however the bytes are cut into chunks", async () => {
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 7, bytes.length]) {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.subarray(i, i + size));
        controller.close();
      },
    });
    const found = [];
    for await (const message of messages(body)) found.push(message);
    expect(found, `chunks of ${size}`).toEqual([
      { name: "fine_tune.event", data: '{"a":\n"\u00e9"}' },
      { name: "fine_tune", data: "{}" },
    ]);
  }
});
