import { effect, signal } from "@preact/signals";

export type Theme = "light" | "dark";
const wanted = matchMedia("(prefers-color-scheme: dark)");
const kept = localStorage.getItem("theme");

/** Follows the system until it is chosen by hand. */
export const theme = signal<Theme>(kept === "light" || kept === "dark" ? kept : systemTheme());

function systemTheme(): Theme {
  return wanted.matches ? "dark" : "light";
}

wanted.addEventListener("change", () => {
  if (localStorage.getItem("theme") === null) theme.value = systemTheme();
});
effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

export function toggleTheme(): void {
  theme.value = theme.value === "dark" ? "light" : "dark";
  localStorage.setItem("theme", theme.value);
}
