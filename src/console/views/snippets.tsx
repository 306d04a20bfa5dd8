import { useState } from "preact/hooks";
import { all, api } from "../api/client.ts";
import type { Annotation, Image, Page, Version } from "../api/types.ts";
import { useLoad } from "../state/load.ts";
import { versionName } from "../state/text.ts";
import { Code, Head } from "../ui/parts.tsx";
import { snippets } from "./snippets/text.ts";
import type { InProject } from "./in-project.ts";

/** Code that runs as it stands, but for the key: the ids are those of this project. */
export function Snippets({ project }: InProject) {
  const example = useLoad(
    async (signal) => {
      const path = `/v1/projects/${project.id}`;
      const marks = await api.get<Page<Annotation>>(`${path}/annotations?limit=1`, signal);
      const images = await api.get<Page<Image>>(`${path}/images?limit=1`, signal);
      const mark = marks.data[0];
      return {
        imageId: mark?.image_id ?? images.data[0]?.id ?? "IMAGE_ID",
        box: mark?.box ?? ([40, 30, 300, 240] as const),
      };
    },
    [project.id],
  ).data;
  const versions =
    useLoad(() => all<Version>(`/v1/projects/${project.id}/versions`), [project.id]).data ?? [];
  const [language, setLanguage] = useState(0);
  const [version, setVersion] = useState<"active" | "base" | number>("active");
  const list = snippets({
    url: location.origin,
    projectId: project.id,
    imageId: example?.imageId ?? "IMAGE_ID",
    box: [...(example?.box ?? [40, 30, 300, 240])],
    version,
  });
  const chosen = list[language];
  return (
    <>
      <Head title="Use it">
        The same calls that this console makes. Put a key of your own into the environment as MASKWRIGHT_KEY.
      </Head>
      <div class="row between">
        <div class="chips" role="group" aria-label="Language">
          {list.map(({ name }, i) => (
            <button
              key={name}
              type="button"
              class="chip"
              aria-pressed={i === language}
              onClick={() => setLanguage(i)}
            >
              {name}
            </button>
          ))}
        </div>
        <label class="row">
          <span class="small">Version</span>
          <select
            class="input select-inline"
            value={String(version)}
            onChange={(event) => {
              const { value } = event.currentTarget;
              setVersion(value === "active" || value === "base" ? value : Number(value));
            }}
          >
            <option value="active">whatever is live</option>
            <option value="base">base</option>
            {versions.map(({ number }) => (
              <option key={number} value={number}>
                {versionName(number)}
              </option>
            ))}
          </select>
        </label>
      </div>
      {chosen?.parts.map(({ title, code }) => (
        <section key={title} class="stack-s">
          <h2>{title}</h2>
          <Code text={code} label={`${title}, ${chosen.name}`} />
        </section>
      ))}
      <p class="muted">
        Every call with its errors: <a href="/docs">the API's reference</a>, for programs{" "}
        <a href="/openapi.json">openapi.json</a>.
      </p>
    </>
  );
}
