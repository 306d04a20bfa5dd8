/**
 * The messages of a text/event-stream: blocks of `field: value` lines with an empty line between; comments and other
 * fields are passed over. A line that breaks in the middle ends them.
 */
export async function* messages(
  body: ReadableStream<Uint8Array>,
): AsyncGenerator<{ name: string; data: string }, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const lines = block.split(/\r?\n/);
        const field = (name: string): string[] =>
          lines
            .filter((line) => line.startsWith(`${name}:`))
            .map((line) => line.slice(name.length + 1).replace(/^ /, ""));
        const data = field("data").join("\n");
        if (data !== "") yield { name: field("event")[0] ?? "message", data };
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
