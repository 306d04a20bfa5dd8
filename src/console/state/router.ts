import { signal } from "@preact/signals";

/** `#/a/b?c=d` as ["a", "b"] and {c: "d"}: behind the hash, so that the server has one page. */
export interface Place {
  readonly parts: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

function read(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {
    parts: path.split("/").filter(Boolean).map(decodeURIComponent),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

export const place = signal(read());
addEventListener("hashchange", () => {
  place.value = read();
  // As if it were another page: from its top, and a screen reader starts there.
  scrollTo(0, 0);
});

export const href = (...parts: (string | number)[]): string =>
  `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`;

export function go(to: string): void {
  location.hash = to;
}
