import { useEffect, useMemo } from "preact/hooks";
import { api } from "../api/client.ts";
import type { AutoLabel, Image, Page, Proposal } from "../api/types.ts";
import { decodeRle } from "../../imaging/rle.ts";
import { useLoad } from "../state/load.ts";
import { pictureOf } from "../state/pictures.ts";
import { Review } from "../state/review.ts";
import { go, href } from "../state/router.ts";
import { fileName, plural, score } from "../state/text.ts";
import { attempt } from "../state/toasts.ts";
import { Await, Button, Head, Notice } from "../ui/parts.tsx";
import { Picture, regionRound } from "../ui/picture.tsx";
import type { InProject } from "./in-project.ts";
import { AutoLabelStatus, isOpen } from "./review/auto-label-status.tsx";
import { listenToReview } from "./review/keys.ts";

/** Milliseconds between two looks at a job that runs. */
const lookEveryMs = 1000;

/** What versions have found, one proposal at a time: a key accepts, rejects or corrects it. */
export function ReviewView({ project }: InProject) {
  const path = `/v1/projects/${project.id}/auto-label`;
  const jobs = useLoad((signal) => api.get<Page<AutoLabel>>(`${path}?limit=1`, signal), [project.id]);
  const job = jobs.data?.data[0];
  const review = useMemo(() => Review.of(project.id), [project.id]);
  const correct = (): void => {
    void attempt(async () => {
      const row = await review.correct();
      if (row) go(`${href("projects", project.id, "annotate", row.image_id)}?proposal=${row.id}`);
    });
  };
  useEffect(() => listenToReview(review, correct), [review]);
  useEffect(() => {
    if (!job || !isOpen(job)) return undefined;
    const timer = setTimeout(jobs.reload, lookEveryMs);
    return () => clearTimeout(timer);
  }, [jobs.data]);
  // Once all that was here is decided on, and more is found.
  useEffect(() => {
    if (review.at.value === review.rows.value.length) void attempt(() => review.load());
  }, [review, job?.found, job?.status]);
  const start = (): Promise<boolean> => attempt(async () => api.post(path).then(jobs.reload));
  const stop = (): Promise<boolean> =>
    attempt(async () => api.post(`${path}/${job?.id}/cancel`).then(jobs.reload));
  const running = job !== undefined && isOpen(job);
  return (
    <>
      <Head
        title="Review"
        actions={
          running ? (
            <Button icon="stop" onClick={stop}>
              Cancel
            </Button>
          ) : (
            <Button kind="primary" icon="all" onClick={start}>
              Label the rest
            </Button>
          )
        }
      >
        The live version finds its objects in all images without annotations. What you accept becomes an
        annotation.
      </Head>
      {job && <AutoLabelStatus job={job} />}
      <Queue review={review} projectId={project.id} running={running} onCorrect={correct} />
    </>
  );
}

function Queue({
  review,
  projectId,
  running,
  onCorrect,
}: {
  review: Review;
  projectId: string;
  running: boolean;
  onCorrect: () => void;
}) {
  const { rows, at, ended } = review;
  const row = rows.value[at.value];
  const decided = rows.value.filter(({ status }) => status !== "pending").length;
  if (!row)
    return (
      <Notice
        action={
          at.value > 0 ? (
            <Button icon="back" onClick={() => review.move(-1)}>
              Back
            </Button>
          ) : undefined
        }
      >
        <p role="status">
          {!ended.value ? "Loading …" : running ? "More may be found." : "Nothing is left to review."}
        </p>
      </Notice>
    );
  return (
    <section class="card stack-s" aria-label="A proposal">
      <div class="row between">
        <div class="row">
          <Button kind="primary" icon="check" onClick={() => review.decide("accept")} title="A">
            Accept (A)
          </Button>
          <Button icon="close" onClick={() => review.decide("reject")} title="R">
            Reject (R)
          </Button>
          <Button icon="brush" onClick={onCorrect} title="C">
            Correct (C)
          </Button>
        </div>
        <div class="row">
          <span class="muted small nums">{decided} decided</span>
          <Button icon="back" label="The one before (left arrow)" onClick={() => review.move(-1)} />
          <Button icon="next" label="Skip (right arrow)" onClick={() => review.move(1)} />
        </div>
      </div>
      <Shown row={row} projectId={projectId} />
    </section>
  );
}

function Shown({ row, projectId }: { row: Proposal; projectId: string }) {
  const shown = useLoad(
    async (signal) => {
      const image = await api.get<Image>(`/v1/projects/${projectId}/images/${row.image_id}`, signal);
      return { image, picture: await pictureOf(projectId, image) };
    },
    [row.image_id],
  );
  const marks = useMemo(() => [{ mask: decodeRle(row.mask), colour: "#3b82f6" }], [row.id]);
  return (
    <Await of={shown}>
      {({ image, picture }) => (
        <figure class="stack-s">
          <figcaption class="row between">
            <span>
              <b>{row.label ?? "no label"}</b> <span class="muted">in {fileName(image)}</span>
            </span>
            <span class="row">
              {row.status !== "pending" && (
                <span class={`badge ${row.status === "accepted" ? "good" : "bad"}`}>{row.status}</span>
              )}
              <span class="muted small nums">
                label score {score(row.label_score)}, {plural(row.area, "pixel")}, v{row.version}
              </span>
            </span>
          </figcaption>
          <Picture
            picture={picture}
            region={regionRound(row.box, image)}
            marks={marks}
            label={`A proposed ${row.label ?? "object"}`}
          />
        </figure>
      )}
    </Await>
  );
}
