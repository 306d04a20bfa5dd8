import { z } from "@hono/zod-openapi";
import { startFineTune } from "../../actions/start-fine-tune.ts";
import type { Executor } from "../../db/client.ts";
import { channels } from "../../db/listen.ts";
import { cancelFineTune, type FineTune, getFineTune, hasEnded } from "../../db/queries/fine-tunes.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { getVersion } from "../../db/queries/versions.ts";
import { idText } from "../http/scope.ts";
import { untilEnded } from "../http/wait.ts";
import { fineTuneBody, fineTuneFault, fineTuneSchema, toFineTune } from "../wire/fine-tune.ts";
import { metricsSchema, toVersion } from "../wire/version.ts";
import { ofProject } from "./input.ts";
import { projectAsked, reads, toolOf } from "./tool.ts";

const ofFineTune = ofProject.extend({
  fine_tune_id: idText().openapi({ description: "The fine-tune, as start_fine_tune answered it." }),
});

const mostSeconds = 20;

export const startFineTuneTool = toolOf({
  name: "start_fine_tune",
  title: "Start a fine-tune",
  description:
    "Starts training a new version of the model on the project's annotations, in the background, for minutes. The project " +
    "needs three annotated images. Leave hyperparameters out: what is left out is chosen by trying. Each call starts " +
    "another one; watch it with get_fine_tune.",
  route: "POST /v1/projects/{project_id}/fine-tunes",
  effect: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  input: ofProject.extend(fineTuneBody.shape),
  output: fineTuneSchema,
  fault: fineTuneFault,
  work: async (asked, input) => {
    const { scope } = await projectAsked(asked, input);
    const { hyperparameters, seed, base_version: baseVersion = null } = input;
    return {
      answer: toFineTune(await startFineTune(asked.services, scope, { hyperparameters, seed, baseVersion })),
    };
  },
});

const verdictSchema = z
  .object({ version: z.int(), status: z.enum(["active", "inactive"]) })
  .extend(metricsSchema.pick({ held_out: true, gate: true }).shape)
  .nullable()
  .openapi({
    description:
      "How the version that it made did on held-out images beside the base, and whether it goes live; null before it has succeeded.",
  });

export const getFineTuneTool = toolOf({
  name: "get_fine_tune",
  title: "Watch a fine-tune",
  description:
    "Tells how far a fine-tune is: status, progress with its ETA, the error of one that failed, and at the end the verdict: " +
    "mean IoU of base and tuned version on images that no training step used, and whether the version goes live. " +
    `With wait_seconds it answers when the fine-tune ends, or after so long; ask again while status is none of succeeded, failed and cancelled.`,
  route: "GET /v1/projects/{project_id}/fine-tunes/{fine_tune_id}",
  effect: reads,
  input: ofFineTune.extend({
    wait_seconds: z.int().min(0).max(mostSeconds).default(0).openapi({
      description: "How long to wait for its end before answering.",
    }),
  }),
  output: z.object({ fine_tune: fineTuneSchema, verdict: verdictSchema }),
  work: async (asked, input) => {
    const { services, c } = asked;
    const { scope, project } = await projectAsked(asked, input);
    const look = async () => getFineTune(services.db, scope, input.fine_tune_id);
    const job = {
      channel: channels.fineTuneChanged,
      id: input.fine_tune_id,
      seconds: input.wait_seconds,
      look,
      ended: ({ status }: FineTune) => hasEnded(status),
    };
    const row = input.wait_seconds > 0 ? await untilEnded(c.req.raw.signal, services, job) : await look();
    const verdict = await verdictOf(services.db, scope, row, project.activeVersion);
    return { answer: { fine_tune: toFineTune(row), verdict } };
  },
});

async function verdictOf(
  db: Executor,
  scope: ProjectScope,
  { resultVersion }: FineTune,
  active: number | null,
): Promise<z.output<typeof verdictSchema>> {
  if (resultVersion === null) return null;
  const { number, status, metrics } = toVersion(await getVersion(db, scope, resultVersion), active, "brief");
  if (metrics === null) return null;
  return {
    version: number,
    status,
    held_out: metrics.held_out,
    ...(metrics.gate && { gate: metrics.gate }),
  };
}

export const cancelFineTuneTool = toolOf({
  name: "cancel_fine_tune",
  title: "Cancel a fine-tune",
  description:
    "Ends a fine-tune and throws away what it has trained so far; nothing becomes a version. Repeating it is not an error.",
  route: "POST /v1/projects/{project_id}/fine-tunes/{fine_tune_id}/cancel",
  effect: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
  input: ofFineTune,
  output: fineTuneSchema,
  work: async (asked, input) => {
    const { scope } = await projectAsked(asked, input);
    const { keyId } = asked.c.get("caller");
    return {
      answer: toFineTune(await cancelFineTune(asked.services.db, scope, input.fine_tune_id, keyId)),
    };
  },
});
