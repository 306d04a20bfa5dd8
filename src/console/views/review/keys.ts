import type { Review } from "../../state/review.ts";

/** The keyboard of the review, but for where one types. Returns a function that ends it. */
export function listenToReview(review: Review, correct: () => void): () => void {
  const stop = new AbortController();
  const doings: Record<string, () => void> = {
    a: () => review.decide("accept"),
    r: () => review.decide("reject"),
    c: correct,
    arrowleft: () => review.move(-1),
    arrowright: () => review.move(1),
  };
  addEventListener(
    "keydown",
    (event) => {
      const { target } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (target instanceof HTMLInputElement || target instanceof HTMLSelectElement) return;
      const doing = doings[event.key.toLowerCase()];
      if (!doing) return;
      event.preventDefault();
      // A key that is held down would decide on what nobody has looked at.
      if (!event.repeat) doing();
    },
    { signal: stop.signal },
  );
  return () => stop.abort();
}
