import { useEffect, useMemo, useRef } from "preact/hooks";
import { areaOf } from "../../../imaging/geometry.ts";
import { all, api } from "../../api/client.ts";
import type { Image, Overview, Project, Proposal, Version } from "../../api/types.ts";
import { useLoad } from "../../state/load.ts";
import { Review } from "../../state/review.ts";
import { go, href, place } from "../../state/router.ts";
import { canFind, Everything, saidOf } from "../../state/everything.ts";
import { DecidedElsewhere } from "../../state/keep-corrected.ts";
import { type Draft, Sketch } from "../../state/sketch.ts";
import { attempt, toast } from "../../state/toasts.ts";
import { version } from "../../state/tools.ts";
import { fileName, versionName } from "../../state/text.ts";
import { Await, Button } from "../../ui/parts.tsx";
import { Icon } from "../../ui/icon.tsx";
import type { Controller } from "./controller.ts";
import { Complete } from "./complete.tsx";
import { Objects } from "./objects.tsx";
import { listenToKeys } from "./shortcuts.ts";
import { Stage } from "./stage.tsx";
import { Toolbar } from "./toolbar.tsx";

interface Around {
  readonly image: Image;
  readonly before: string | null;
  readonly after: string | null;
  readonly at: number;
  readonly of: number;
}

/** The image, and its neighbours in the order of the grid. */
async function loadAround(projectId: string, imageId: string): Promise<Around> {
  const [image, images] = await Promise.all([
    api.get<Image>(`/v1/projects/${projectId}/images/${imageId}`),
    all<Image>(`/v1/projects/${projectId}/images`),
  ]);
  const at = images.findIndex(({ id }) => id === imageId);
  return {
    image,
    before: images[at - 1]?.id ?? null,
    after: at < 0 ? null : (images[at + 1]?.id ?? null),
    at: at + 1,
    of: images.length,
  };
}

/** Takes a proposal of the image up, where it is still there. */
async function openProposal(sketch: Sketch, id: string): Promise<void> {
  const query = new URLSearchParams({ image_id: sketch.image.id });
  const rows = await all<Proposal>(`/v1/projects/${sketch.projectId}/proposals?${query.toString()}`);
  const row = rows.find((one) => one.id === id);
  if (row) sketch.correct(row);
  else toast("The proposal is no longer there.", { bad: true });
}

const isErased = ({ mask }: Draft): boolean => mask !== null && areaOf(mask) === 0;
const erased = "Nothing is left of the mask, so there is nothing to accept.";
const erasedProposal = `${erased} To reject the proposal go back to the review and press R.`;

export function Annotate({ project, imageId }: { project: Project; imageId: string }) {
  const around = useLoad(() => loadAround(project.id, imageId), [project.id, imageId]);
  return (
    <div class="annotate">
      {around.data ? (
        <Workbench project={project} around={around.data} />
      ) : (
        <main class="main">
          <Await of={around}>{() => null}</Await>
        </main>
      )}
    </div>
  );
}

function Workbench({ project, around }: { project: Project; around: Around }) {
  const { image } = around;
  const sketch = useMemo(() => new Sketch(project.id, image, project.active_version), [project.id, image.id]);
  const everything = useMemo(() => new Everything(sketch), [sketch]);
  const controller = useRef<Controller>(null);
  const labels =
    useLoad((signal) => api.get<Overview>(`/v1/projects/${project.id}/overview`, signal), [project.id]).data
      ?.labels ?? [];
  const versions =
    useLoad(() => all<Version>(`/v1/projects/${project.id}/versions`), [project.id]).data ?? [];
  const finds = canFind(versions, version.value, project.active_version);
  const to = (id: string | null): void => {
    if (id !== null) go(href("projects", project.id, "annotate", id));
  };
  const actions = {
    accept: () =>
      attempt(async () => {
        const proposal = sketch.correcting.value;
        if (isErased(sketch.draft.value)) throw new Error(proposal ? erasedProposal : erased);
        const accepted = await sketch.accept().catch((error: unknown) => {
          if (error instanceof DecidedElsewhere) sketch.correcting.value = error.now;
          throw error;
        });
        if (accepted) everything.judged(accepted.candidate);
        if (!accepted || !proposal || sketch.correcting.value) return;
        Review.corrected(proposal.id);
        go(href("projects", project.id, "review"));
      }),
    everything: () => attempt(() => everything.start()),
    find: finds ? () => attempt(() => everything.find()) : null,
    undo: () => attempt(() => sketch.undo()),
    redo: () => attempt(() => sketch.redo()),
    before: () => to(around.before),
    after: () => to(around.after),
  };
  useEffect(() => {
    void attempt(async () => {
      await sketch.load();
      const { proposal } = place.value.query;
      if (proposal !== undefined) await openProposal(sketch, proposal);
    });
    // The encoder runs while one still looks where to click; where it can't, the first click says why.
    api.post(`/v1/projects/${project.id}/prewarm`, { image: { id: image.id } }).catch(() => {});
    return () => everything.close();
  }, [sketch]);
  useEffect(() => {
    const names = labels.map(({ label }) => label);
    return listenToKeys({
      sketch,
      everything,
      controller: () => controller.current,
      actions,
      labels: names,
    });
  }, [sketch, labels.length, finds]);
  return (
    <>
      <header class="annotate-top">
        <BackLink project={project} to={place.value.query["proposal"] ? "Review" : "Images"} />
        <h1 class="annotate-name" title={fileName(image)}>
          {fileName(image)}
        </h1>
        <Complete key={image.id} projectId={project.id} image={image} />
        <VersionChoice project={project} versions={versions} />
        <div class="row tight-row">
          <Button
            kind="quiet"
            icon="back"
            label="Image before (Page Up)"
            disabled={!around.before}
            onClick={actions.before}
          />
          <span class="muted small nums">
            {around.at} / {around.of}
          </span>
          <Button
            kind="quiet"
            icon="next"
            label="Next image (Page Down)"
            disabled={!around.after}
            onClick={actions.after}
          />
        </div>
      </header>
      <main class="workbench">
        <Toolbar sketch={sketch} everything={everything} controller={controller} actions={actions} />
        <div class="stage">
          <Stage sketch={sketch} everything={everything} controller={controller} />
          <Hint sketch={sketch} everything={everything} />
        </div>
        <Objects sketch={sketch} everything={everything} labels={labels} actions={actions} />
      </main>
    </>
  );
}

const BackLink = ({ project, to }: { project: Project; to: "Review" | "Images" }) => (
  <a class="button quiet" href={href("projects", project.id, to.toLowerCase())} aria-label={to}>
    <Icon name="back" />
    <span class="wide">{to}</span>
  </a>
);

function VersionChoice({ project, versions }: { project: Project; versions: readonly Version[] }) {
  if (versions.length === 0) return null;
  return (
    <label class="row tight-row">
      <span class="muted small wide">Model</span>
      <select
        class="input select-inline"
        aria-label="Model"
        value={String(version.value)}
        onChange={(event) => {
          const { value } = event.currentTarget;
          version.value = value === "active" || value === "base" ? value : Number(value);
        }}
      >
        <option value="active">live ({versionName(project.active_version)})</option>
        <option value="base">base</option>
        {versions.map(({ number }) => (
          <option key={number} value={number}>
            v{number}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What to do next, in one line; read out when it changes. */
function Hint({ sketch, everything }: { sketch: Sketch; everything: Everything }) {
  const { mask, score, points, byHand, candidate } = sketch.draft.value;
  const proposal = sketch.correcting.value;
  const found = everything.shown.value?.found;
  const about = found
    ? saidOf(found)
    : score !== null
      ? `Predicted IoU ${Math.min(1, score).toFixed(2)}`
      : proposal && mask === candidate
        ? `As v${proposal.version} proposed it`
        : byHand
          ? "Corrected by hand"
          : "Decoded here";
  const text = isErased(sketch.draft.value)
    ? "Nothing is left of the mask"
    : mask
      ? `${about} · Enter accepts${everything.open.value ? ", N skips" : ""}`
      : points.length > 0 || sketch.draft.value.box
        ? "Segmenting …"
        : "Click an object, or drag a box round it";
  return (
    <p class="hint" role="status">
      {text}
    </p>
  );
}
