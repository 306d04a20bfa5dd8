/** How the images of a data set are walked: a few are opened before their turn, and a walk can go on where one stood. */
import { sha256 } from "../lib/hash.ts";
import type { PlannedImage } from "./plan.ts";
import { isFileChanged, naming } from "./problems.ts";
import type { DatasetOptions, FormatContext, ItemFacts } from "./types.ts";
import type { WalkState } from "./walk-state.ts";

/** Whether a state is one of these images. */
export const goesOn = ({ next, last, planned }: WalkState, images: readonly PlannedImage[]): boolean =>
  planned === images.length && next <= planned && images[next - 1]?.name === last;

/** An image's bytes and what they are; or why they can't be read. */
export type OpenedImage =
  | { readonly bytes: Buffer; readonly facts: ItemFacts; readonly hash: string; readonly failed?: undefined }
  | {
      /** `fatal`: the archive's fault, which ends the reading. */
      readonly failed: { readonly error: unknown; readonly fatal: boolean };
    };

/** Images in their order from `next` on, each opened while those before it are at work. */
export async function* openedAhead(
  { zip, signal }: FormatContext,
  images: readonly PlannedImage[],
  { inspect, reading }: Pick<DatasetOptions, "inspect" | "reading">,
  { next, ahead }: { next: number; ahead: number },
): AsyncGenerator<{ place: number; image: PlannedImage; opened: OpenedImage }, void, undefined> {
  const open = async ({ name }: PlannedImage): Promise<OpenedImage> => {
    let fatal = true;
    try {
      reading?.(name);
      const bytes = await zip.read(name, signal);
      fatal = false;
      const facts = await naming(name, () => inspect(bytes));
      return { bytes, facts, hash: sha256(bytes) };
    } catch (error) {
      return { failed: { error, fatal: fatal && !isFileChanged(error) } };
    }
  };
  const opening: Promise<OpenedImage>[] = [];
  let begun = next;
  for (let place = next; place < images.length; place++) {
    for (; begun < Math.min(images.length, place + ahead); begun++)
      opening.push(open(images[begun] as PlannedImage));
    const opened = await (opening.shift() as Promise<OpenedImage>);
    yield { place, image: images[place] as PlannedImage, opened };
  }
}
