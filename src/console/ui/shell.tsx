import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { offers, signOut } from "../api/session.ts";
import { theme, toggleTheme } from "../state/theme.ts";
import { Button } from "./parts.tsx";

const pages = [
  { page: "projects", title: "Projects", route: "/v1/projects" },
  { page: "keys", title: "Keys", route: "/v1/keys" },
  { page: "usage", title: "Usage", route: "/v1/usage" },
  { page: "webhooks", title: "Webhooks", route: "/v1/webhooks" },
] as const;

/** Only the pages whose routes this server has. */
export function useOffered(routes: readonly string[]): ReadonlySet<string> {
  const [there, setThere] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    void Promise.all(routes.map(async (route) => ((await offers(route)) ? route : null)))
      .then((found) => setThere(new Set(found.filter((route) => route !== null))))
      .catch(() => {});
  }, []);
  return there;
}

export const Brand = () => (
  <a class="brand" href="#/">
    <img src="/favicon.svg" alt="" />
    maskwright
  </a>
);

export const Corner = () => (
  <div class="row">
    <Button
      kind="quiet"
      icon={theme.value === "dark" ? "sun" : "moon"}
      label={theme.value === "dark" ? "Light colours" : "Dark colours"}
      onClick={toggleTheme}
    />
    <Button kind="quiet" icon="out" label="Sign out" onClick={signOut} />
  </div>
);

/** The frame of the pages that belong to no project. */
export function Shell({ page, children }: { page: string; children: ComponentChildren }) {
  const there = useOffered(pages.map(({ route }) => route));
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>
        To the content
      </a>
      <header class="top">
        <div class="top-row home">
          <Brand />
          <nav class="global grow" aria-label="Pages">
            {pages
              .filter(({ route, page: name }) => name === "projects" || there.has(route))
              .map(({ page: name, title }) => (
                <a key={name} href={`#/${name}`} aria-current={page === name ? "page" : undefined}>
                  {title}
                </a>
              ))}
            <a href="/docs">API</a>
          </nav>
          <Corner />
        </div>
      </header>
      <main class="main" id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

/** The address stays the page's: its hash is where one is. */
export function toMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
