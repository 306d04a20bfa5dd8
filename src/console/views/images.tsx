import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import type { GalleryEntry, Overview, Page, Version } from "../api/types.ts";
import { useLoad } from "../state/load.ts";
import { go, href, place } from "../state/router.ts";
import { messageOf, plural } from "../state/text.ts";
import { arrived } from "../state/uploads.ts";
import { Await, Button, Head, LinkButton } from "../ui/parts.tsx";
import { toast } from "../state/toasts.ts";
import type { InProject } from "./in-project.ts";
import { ExportMenu } from "./images/export-menu.tsx";
import { Tile } from "./images/tile.tsx";
import { DropZone, UploadList } from "./images/upload.tsx";

const filters = [
  ["all", "All"],
  ["unlabelled", "Unlabelled"],
  ["train", "Train"],
  ["test", "Test"],
  ["worst", "Worst IoU"],
] as const;

export function Images({ project }: InProject) {
  const overview = useLoad(
    (signal) => api.get<Overview>(`/v1/projects/${project.id}/overview`, signal),
    [project.id, arrived.value],
  );
  const newest = useLoad(
    async (signal) =>
      (await api.get<Page<Version>>(`/v1/projects/${project.id}/versions?limit=1`, signal)).data[0]?.number ??
      null,
    [project.id],
  ).data;
  const version = project.active_version ?? newest ?? null;
  const filter = place.value.query["show"] ?? "all";
  const toLabel = (overview.data?.images ?? 0) - (overview.data?.labelled_images ?? 0);
  return (
    <>
      <Head title="Images" actions={<NextToLabel projectId={project.id} count={toLabel} />}>
        {overview.data
          ? `${plural(overview.data.images, "image")}, ${overview.data.labelled_images} of them labelled with ${plural(overview.data.annotations, "annotation")}.`
          : " "}
      </Head>
      <DropZone projectId={project.id} small={(overview.data?.images ?? 0) > 0} />
      <UploadList projectId={project.id} />
      {(overview.data?.images ?? 0) > 0 && (
        <div class="row between">
          <div class="chips" role="group" aria-label="Which images">
            {filters
              .filter(([name]) => version !== null || name === "all" || name === "unlabelled")
              .map(([name, title]) => (
                <button
                  key={name}
                  type="button"
                  class="chip"
                  aria-pressed={filter === name}
                  onClick={() => go(`${href("projects", project.id, "images")}?show=${name}`)}
                >
                  {title}
                </button>
              ))}
          </div>
          {version !== null && <span class="muted small">Train, test and IoU are of version {version}.</span>}
        </div>
      )}
      <Grid
        key={`${filter} ${version} ${arrived.value}`}
        projectId={project.id}
        filter={filter}
        version={version}
      />
      {(overview.data?.annotations ?? 0) > 0 && <ExportMenu projectId={project.id} />}
    </>
  );
}

function NextToLabel({ projectId, count }: { projectId: string; count: number }) {
  if (count === 0)
    return (
      <LinkButton
        href={href("projects", projectId, "fine-tune")}
        kind="primary"
        icon="spark"
        children="Fine-tune"
      />
    );
  const start = async (): Promise<void> => {
    const page = await api.get<Page<GalleryEntry>>(
      `/v1/projects/${projectId}/gallery?filter=unlabelled&limit=1`,
    );
    const first = page.data[0];
    if (first) go(href("projects", projectId, "annotate", first.image.id));
  };
  return (
    <Button kind="primary" icon="click" onClick={start}>
      Label {plural(count, "image")}
    </Button>
  );
}

function Grid({ projectId, filter, version }: { projectId: string; filter: string; version: number | null }) {
  const query = (cursor: string | null): string =>
    new URLSearchParams({
      filter,
      limit: "24",
      ...(version !== null && { version: String(version) }),
      ...(cursor !== null && { cursor }),
    }).toString();
  const load = (cursor: string | null, signal?: AbortSignal): Promise<Page<GalleryEntry>> =>
    api.get(`/v1/projects/${projectId}/gallery?${query(cursor)}`, signal);
  const first = useLoad((signal) => load(null, signal), [projectId, filter, version]);
  const [more, setMore] = useState<Page<GalleryEntry>[]>([]);
  useEffect(() => setMore([]), [first.data]);
  return (
    <Await of={first}>
      {(page) => {
        const last = more.at(-1) ?? page;
        const entries = [page, ...more].flatMap(({ data }) => data);
        const next = async (): Promise<void> => {
          try {
            setMore([...more, await load(last.next_cursor)]);
          } catch (error) {
            toast(messageOf(error), { bad: true });
          }
        };
        return (
          <>
            {entries.length === 0 && filter !== "all" && <p class="muted">No image is of this kind.</p>}
            <ul class="grid">
              {entries.map((entry) => (
                <li key={entry.image.id}>
                  <Tile projectId={projectId} entry={entry} />
                </li>
              ))}
            </ul>
            {last.has_more && (
              <div class="row">
                <Button onClick={next}>Show more</Button>
              </div>
            )}
          </>
        );
      }}
    </Await>
  );
}
