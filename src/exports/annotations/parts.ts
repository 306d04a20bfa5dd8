import type { ExportedAnnotation } from "../../db/queries/export-rows.ts";
import type { ExportedItem, ExportedPart } from "./types.ts";

/** Parts put together to images again, each with all its annotations. What a reader leaves of an image is passed over. */
export async function* itemsOf(
  parts: AsyncIterable<ExportedPart>,
): AsyncGenerator<ExportedItem, void, undefined> {
  const source = parts[Symbol.asyncIterator]();
  let next = await source.next();
  const rest = async function* (id: string): AsyncGenerator<ExportedAnnotation, void, undefined> {
    while (next.done !== true && next.value.image.id === id) {
      const { annotations } = next.value;
      next = await source.next();
      yield* annotations;
    }
  };
  while (next.done !== true) {
    const { image, annotations } = next.value;
    yield { image, isEmpty: annotations.length === 0, annotations: rest(image.id) };
    for await (const _ of rest(image.id));
  }
}
