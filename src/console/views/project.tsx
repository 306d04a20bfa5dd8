import type { ComponentChildren } from "preact";
import { api } from "../api/client.ts";
import type { Project } from "../api/types.ts";
import { type Loaded, useLoad } from "../state/load.ts";
import { href, place } from "../state/router.ts";
import { versionName } from "../state/text.ts";
import { Await } from "../ui/parts.tsx";
import { Brand, Corner, toMain } from "../ui/shell.tsx";
import { Annotate } from "./annotate/annotate.tsx";
import { Compare } from "./compare.tsx";
import { FineTuneView } from "./fine-tune.tsx";
import { Images } from "./images.tsx";
import type { InProject } from "./in-project.ts";
import { ReviewView } from "./review.tsx";
import { RunView } from "./run.tsx";
import { Settings } from "./settings.tsx";
import { Snippets } from "./snippets.tsx";
import { VersionView } from "./version.tsx";
import { Versions } from "./versions.tsx";

const tabs = [
  ["images", "Images"],
  ["review", "Review"],
  ["fine-tune", "Fine-tune"],
  ["versions", "Versions"],
  ["compare", "Compare"],
  ["use", "Use it"],
  ["settings", "Settings"],
] as const;

export function ProjectView({ id }: { id: string }) {
  const project = useLoad((signal) => api.get<Project>(`/v1/projects/${id}`, signal), [id]);
  const [, , tab = "images", item] = place.value.parts;
  if (tab === "annotate" && item !== undefined && project.data) {
    return <Annotate key={item} project={project.data} imageId={item} />;
  }
  return (
    <Frame id={id} tab={tab} project={project}>
      <Await of={project}>{(data) => pageOf(tab, item, { project: data, reload: project.reload })}</Await>
    </Frame>
  );
}

function pageOf(tab: string, item: string | undefined, props: InProject): ComponentChildren {
  if (tab === "fine-tune")
    return item === undefined ? <FineTuneView {...props} /> : <RunView key={item} id={item} {...props} />;
  if (tab === "versions")
    return item === undefined ? (
      <Versions {...props} />
    ) : (
      <VersionView key={item} number={Number(item)} {...props} />
    );
  if (tab === "review") return <ReviewView key={props.project.id} {...props} />;
  if (tab === "compare") return <Compare {...props} />;
  if (tab === "use") return <Snippets {...props} />;
  if (tab === "settings") return <Settings {...props} />;
  return <Images {...props} />;
}

function Frame({
  id,
  tab,
  project,
  children,
}: {
  id: string;
  tab: string;
  project: Loaded<Project>;
  children: ComponentChildren;
}) {
  const live = project.data?.active_version ?? null;
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>
        To the content
      </a>
      <header class="top">
        <div class="top-row">
          <Brand />
          <span class="crumb grow">
            / <b>{project.data?.name ?? "…"}</b>
          </span>
          {project.data && (
            <a class={`badge ${live === null ? "" : "good"}`} href={href("projects", id, "versions")}>
              <span class="dot" />
              {versionName(live)} live
            </a>
          )}
          <Corner />
        </div>
        <nav class="tabs" aria-label="Project">
          {tabs.map(([name, title]) => (
            <a key={name} href={href("projects", id, name)} aria-current={tab === name ? "page" : undefined}>
              {title}
            </a>
          ))}
        </nav>
      </header>
      <main class="main" id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}
