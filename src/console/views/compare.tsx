import { useEffect, useState } from "preact/hooks";
import { all, api } from "../api/client.ts";
import type { Image, Page, Version } from "../api/types.ts";
import { type Compared, compare, pictureOf } from "../state/pictures.ts";
import { useLoad } from "../state/load.ts";
import { place } from "../state/router.ts";
import { toast } from "../state/toasts.ts";
import { fileName, messageOf, plural, versionName } from "../state/text.ts";
import { Await, Button, Head } from "../ui/parts.tsx";
import { Pane, type PromptMade } from "./compare/pane.tsx";
import { thumbnailUrl } from "./annotate/picture.ts";
import type { InProject } from "./in-project.ts";

type Name = "base" | number;
const most = 4;

/** Any versions on any image, side by side: a click on one is a click on all. */
export function Compare({ project }: InProject) {
  const versions = useLoad(() => all<Version>(`/v1/projects/${project.id}/versions`), [project.id]);
  const images = useLoad(
    (signal) => api.get<Page<Image>>(`/v1/projects/${project.id}/images?limit=60`, signal),
    [project.id],
  );
  const asked = place.value.query["with"]
    ?.split(",")
    .map((name): Name => (name === "base" ? "base" : Number(name)));
  const [chosen, setChosen] = useState<readonly Name[] | null>(asked ?? null);
  const [image, setImage] = useState<Image | null>(null);
  const newest = versions.data?.[0]?.number;
  const shown = chosen ?? [
    "base",
    ...((project.active_version ?? newest) ? [project.active_version ?? (newest as number)] : []),
  ];
  const current = image ?? images.data?.data[0] ?? null;
  const toggle = (name: Name): void => {
    const without = shown.filter((one) => one !== name);
    if (without.length < shown.length) setChosen(without.length > 0 ? without : shown);
    else if (shown.length < most) setChosen([...shown, name]);
    else toast(`At most ${most} side by side.`);
  };
  return (
    <>
      <Head title="Compare">
        One click, every version: click an object, or drag a box round it, on any of the pictures.
      </Head>
      <Await of={versions}>
        {(list) => (
          <div class="chips" role="group" aria-label="Versions side by side">
            {(["base", ...list.map(({ number }) => number)] as Name[]).map((name) => (
              <button
                key={name}
                type="button"
                class="chip"
                aria-pressed={shown.includes(name)}
                onClick={() => toggle(name)}
              >
                {versionName(name)}
                {name === project.active_version && " · live"}
              </button>
            ))}
          </div>
        )}
      </Await>
      <Await of={images}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="muted">There is no image yet.</p>
          ) : (
            <ul class="strip" aria-label="Images">
              {data.map((one) => (
                <li key={one.id}>
                  <button type="button" aria-pressed={one.id === current?.id} onClick={() => setImage(one)}>
                    <img src={thumbnailUrl(project.id, one.id, 160)} alt={fileName(one)} loading="lazy" />
                  </button>
                </li>
              ))}
            </ul>
          )
        }
      </Await>
      {current && <Panes key={current.id} projectId={project.id} image={current} versions={shown} />}
    </>
  );
}

function Panes({
  projectId,
  image,
  versions,
}: {
  projectId: string;
  image: Image;
  versions: readonly Name[];
}) {
  const picture = useLoad(() => pictureOf(projectId, image), [image.id]);
  const [prompt, setPrompt] = useState<PromptMade | null>(null);
  const [answer, setAnswer] = useState<{ results: readonly Compared[]; ms: number } | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (!prompt) return undefined;
    let wanted = true;
    setBusy(true);
    compare(projectId, image.id, prompt, versions)
      .then(
        (got) => wanted && setAnswer(got),
        (error: unknown) => wanted && toast(messageOf(error), { bad: true }),
      )
      .finally(() => wanted && setBusy(false));
    return () => {
      wanted = false;
    };
  }, [prompt, versions.join()]);
  return (
    <section class="stack-s">
      <div class="row between">
        <p class="muted small" role="status">
          {busy
            ? "Segmenting …"
            : answer
              ? `${plural(answer.results.length, "mask")} on one embedding in ${Math.round(answer.ms)} ms`
              : fileName(image)}
        </p>
        <Button
          kind="quiet"
          disabled={!prompt}
          onClick={() => {
            setPrompt(null);
            setAnswer(null);
          }}
        >
          Clear
        </Button>
      </div>
      <Await of={picture}>
        {(element) => (
          <div class={`panes of-${versions.length}`}>
            {versions.map((name) => (
              <Pane
                key={name}
                name={versionName(name)}
                picture={element}
                image={image}
                prompt={prompt}
                result={answer?.results.find(({ version }) => version === name) ?? null}
                onPrompt={setPrompt}
              />
            ))}
          </div>
        )}
      </Await>
    </section>
  );
}
