import type { z } from "@hono/zod-openapi";
import type { AskedTasks, TaskAnswer } from "../../actions/label-studio/answer-tasks.ts";
import type { HeardEvent, StudioEvent } from "../../actions/label-studio/hear-event.ts";
import { type Control, readLabellingConfig } from "../../actions/label-studio/labelling-config.ts";
import { versionNamed } from "../../actions/label-studio/model-version.ts";
import type { AskedSave } from "../../actions/label-studio/save-annotation.ts";
import { AppError } from "../../lib/errors.ts";
import { type LateValues, listWriter } from "../http/stream-json.ts";
import type { studioEventBody, studioHeard, studioPredictBody, studioPredictions } from "./label-studio.ts";

/** Throws AppError label_config_unsupported. */
export function toTasks(body: z.output<typeof studioPredictBody>): Omit<AskedTasks, "requestBytes"> {
  const regions = body.params?.context?.result ?? [];
  return {
    tasks: body.tasks,
    config: readLabellingConfig(body.label_config, "label_config"),
    version: versionNamed(body.model_version),
    regions: regions.length > 0 ? regions : null,
  };
}

type Predictions = z.output<typeof studioPredictions>;

/** Regions as they are sent; brushes of long answers are put down in `late`. */
export function toPredictions(answers: readonly TaskAnswer[], late: LateValues): Predictions {
  const regions = answers.flatMap((answer) => ("error" in answer ? [] : answer.regions));
  const written = listWriter(
    regions.flatMap(({ value }) => ("rle" in value ? [value.rle] : [])),
    late,
  );
  return {
    results: answers.map((answer) => {
      if ("error" in answer) {
        const { code, message, param } = answer.error;
        return { error: { code, message, ...(param !== undefined && { param }) } };
      }
      const result = answer.regions.map((region) => {
        const { value } = region;
        return {
          ...region,
          value: "rle" in value ? { ...value, rle: written(value.rle) } : value,
          readonly: false as const,
        };
      });
      return {
        result,
        model_version: answer.modelVersion,
        score: answer.score,
      } as Predictions["results"][number];
    }),
  };
}

export const toPrewarmed = ({ name, toName }: Control, modelVersion: string): Predictions => ({
  results: [
    {
      result: [
        {
          id: "prewarm",
          from_name: name,
          to_name: toName,
          type: "prewarm_ack",
          origin: "manual",
          value: { status: "ok", cached: [0], pending: [] },
        },
      ],
      model_version: modelVersion,
      score: 0,
    },
  ],
});

type EventBody = z.output<typeof studioEventBody>;

const missing = (param: string): AppError =>
  new AppError("invalid_request", `${param}: missing; have the webhook send its payload.`, { param });

/** Null for an event that changes nothing here. Throws AppError invalid_request where its payload is missing. */
export function toEvent(body: EventBody): StudioEvent | null {
  switch (body.action) {
    case "START_TRAINING":
      return { kind: "train" };
    case "ANNOTATION_CREATED":
    case "ANNOTATIONS_CREATED":
    case "ANNOTATION_UPDATED":
      return savedEvent(body);
    // The backend's own code waits for the one, Label Studio sends the other.
    case "ANNOTATION_DELETED":
    case "ANNOTATIONS_DELETED": {
      const gone = body.annotations ?? listOf(body.annotation);
      if (gone.length === 0) throw missing("annotations");
      return { kind: "deleted", gone: { project: originProject(body), ids: gone.map(({ id }) => part(id)) } };
    }
    default:
      return null;
  }
}

function savedEvent(body: EventBody): StudioEvent {
  const [annotations, tasks] = [listOf(body.annotation), listOf(body.task)];
  if (annotations.length === 0) throw missing("annotation");
  const project = originProject(body);
  const labelConfig = body.project?.label_config ?? "";
  const all = annotations.map((annotation, i) => {
    const task = tasks[i];
    if (!task) throw missing("task");
    const isSkipped = annotation.was_cancelled === true;
    const asked: AskedSave = {
      origin: {
        project,
        task: part(task.id),
        annotation: part(annotation.id),
        savedAt: timeOf(annotation.updated_at),
      },
      labelConfig,
      data: task.data,
      result: isSkipped ? [] : regionsOf(annotation.result),
    };
    return { asked, isSkipped };
  });
  return {
    kind: "saved",
    annotations: all.flatMap(({ asked, isSkipped }) => (isSkipped ? [] : [asked])),
    skipped: {
      project,
      ids: all.flatMap(({ asked, isSkipped }) => (isSkipped ? [asked.origin.annotation] : [])),
    },
  };
}

/** Null where nothing was ever drawn. Throws AppError invalid_request: what is no list must not replace one. */
function regionsOf(result: unknown): readonly unknown[] {
  if (result === null) return [];
  if (Array.isArray(result)) return result;
  throw missing("annotation.result");
}

/** Milliseconds since 1970; 0 where it is not told. */
const timeOf = (text: string | null | undefined): number => Date.parse(text ?? "") || 0;

const listOf = <Item>(given: Item | Item[] | undefined): Item[] =>
  given === undefined ? [] : Array.isArray(given) ? given : [given];

/** Ids are numbers; in a text from elsewhere nothing may stand that parts an origin. */
const part = (id: string | number): string => String(id).replaceAll(/[^\w.-]/g, "-");

/** Label Studio's own name of a project: an installation that was set up anew counts from 1 again. */
function originProject({ project }: EventBody): string {
  if (!project) throw missing("project");
  const created = Date.parse(project.created_at ?? "");
  const time = Number.isNaN(created) ? "" : `.${Math.floor(created / 1000)}`;
  return `label_studio/${part(project.id)}${time}`;
}

export function toHeard(heard: HeardEvent): z.output<typeof studioHeard>["result"] {
  if ("fineTuneId" in heard) return { fine_tune: heard.fineTuneId };
  if (!("saved" in heard)) return { deleted: heard.deleted };
  const leftOut: Record<string, number> = { ...heard.refused };
  for (const { leftOut: some } of heard.saved)
    for (const [code, n] of Object.entries(some)) leftOut[code] = (leftOut[code] ?? 0) + n;
  return {
    images: heard.saved.map(({ imageId }) => imageId),
    annotations: heard.saved.reduce((sum, { annotations }) => sum + annotations, 0),
    deleted: heard.saved.reduce((sum, { replaced }) => sum + replaced, heard.deleted),
    left_out: leftOut,
  };
}
