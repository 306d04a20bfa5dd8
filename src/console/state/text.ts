import { MaskwrightError } from "../../client/errors.ts";

/** What went wrong, for people: the API's own words without their code. */
export function messageOf(error: unknown): string {
  if (error instanceof MaskwrightError) return error.detail;
  return error instanceof Error ? error.message : String(error);
}

export const number = (value: number): string => value.toLocaleString("en");
export const score = (value: number | null | undefined): string => (value == null ? "–" : value.toFixed(3));
export const signed = (value: number): string => `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(3)}`;
export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${number(count)} ${count === 1 ? one : many}`;

export function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB"];
  let at = 0;
  let left = value;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at++;
  }
  return `${left < 10 && at > 0 ? left.toFixed(1) : Math.round(left)} ${units[at]}`;
}

export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

export const dateTime = (iso: string): string =>
  new Date(iso).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });

export function ago(iso: string): string {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(iso).toLocaleDateString("en", { dateStyle: "medium" });
}

export const versionName = (version: number | null | "base"): string =>
  version === null || version === "base" ? "base" : `v${version}`;

const kinds: Record<string, string> = {
  box: "Box",
  jittered_box: "Hand-drawn box",
  one_click: "One click",
  three_clicks: "Three clicks",
  click_refine: "Click, then refine",
};
export const kindName = (kind: string): string => kinds[kind] ?? kind;

/** A stored name without the folders of the zip that it came in. */
export const fileName = (image: { file_name: string | null; id: string }): string =>
  image.file_name?.split("/").at(-1) ?? image.id;
