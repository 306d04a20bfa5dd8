import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import type { GalleryEntry, ListedImage, Overview, Page, Version } from "../api/types.ts";
import { useLoad } from "../state/load.ts";
import { go, href, place } from "../state/router.ts";
import { messageOf, number, plural } from "../state/text.ts";
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
  ["worth", "What to label next"],
  ["empty", "Nothing here"],
  ["asked", "All annotated?"],
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
  const {
    images = 0,
    labelled_images: labelled = 0,
    empty_images: empty = 0,
    asked_images: asked = 0,
  } = overview.data ?? {};
  const toLabel = images - labelled - empty;
  return (
    <>
      <Head title="Images" actions={<NextToLabel projectId={project.id} count={toLabel} />}>
        {overview.data
          ? `${plural(images, "image")}, ${labelled} of them labelled with ${plural(overview.data.annotations, "annotation")}.${empty > 0 ? ` ${number(empty)} ${empty === 1 ? "is" : "are"} known to hold nothing; fine-tunes learn from objects and do not use ${empty === 1 ? "it" : "them"}.` : ""}`
          : " "}
      </Head>
      <DropZone projectId={project.id} small={images > 0} />
      <UploadList projectId={project.id} />
      {images > 0 && (
        <div class="row between">
          <div class="chips" role="group" aria-label="Which images">
            {filters
              .filter(([name]) => name !== "empty" || empty > 0)
              .filter(([name]) => name !== "asked" || asked > 0)
              .filter(([name]) => name !== "worth" || toLabel > 0)
              .filter(
                ([name]) =>
                  version !== null || ["all", "unlabelled", "worth", "empty", "asked"].includes(name),
              )
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

/** An image of the grid; with what labelling it would teach where they stand in that order. */
type Entry = GalleryEntry & Pick<ListedImage, "worth">;

/** Images without labels, those first that would teach most: they have no masks to be laid over them. */
async function loadByWorth(path: string, signal?: AbortSignal): Promise<Page<Entry>> {
  const page = await api.get<Page<ListedImage>>(path, signal);
  const bare = {
    object: "gallery_entry" as const,
    annotations: [],
    split: null,
    base_iou: null,
    tuned_iou: null,
  };
  return { ...page, data: page.data.map(({ worth, ...image }) => ({ ...bare, image, worth })) };
}

function Grid({ projectId, filter, version }: { projectId: string; filter: string; version: number | null }) {
  const byWorth = filter === "worth";
  const query = (cursor: string | null): string =>
    new URLSearchParams({
      ...(byWorth ? { order: "worth" } : { filter, ...(version !== null && { version: String(version) }) }),
      limit: "24",
      ...(cursor !== null && { cursor }),
    }).toString();
  const load = (cursor: string | null, signal?: AbortSignal): Promise<Page<Entry>> =>
    byWorth
      ? loadByWorth(`/v1/projects/${projectId}/images?${query(cursor)}`, signal)
      : api.get(`/v1/projects/${projectId}/gallery?${query(cursor)}`, signal);
  const first = useLoad((signal) => load(null, signal), [projectId, filter, version]);
  const [more, setMore] = useState<Page<Entry>[]>([]);
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
                  <Tile projectId={projectId} entry={entry} worth={entry.worth} />
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
