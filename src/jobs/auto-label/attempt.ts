import { imageSource } from "../../storage/named-objects.ts";
import { type AutoLabelFailure, mostFailuresTold } from "../../domain/auto-label.ts";
import type { Image } from "../../db/queries/images.ts";
import { autoLabelLeases } from "../../db/queries/leases.ts";
import { getProject, holdProject, type Project } from "../../db/queries/projects.ts";
import { deletePendingProposals, insertProposals } from "../../db/queries/proposals.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { countUnlabelled, nextUnlabelled, stillUnlabelled } from "../../db/queries/unlabelled-images.ts";
import { getVersion, requireFinder } from "../../db/queries/versions.ts";
import type { autoLabels } from "../../db/schema/index.ts";
import type { RleMask } from "../../imaging/types.ts";
import type { Inference } from "../../inference/inference.ts";
import type { FindingVersion, FoundObject } from "../../inference/find/types.ts";
import { AppError, type ErrorCode, toldFailures } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { type Held, whyLost } from "../held.ts";
import { isFinal } from "../run-leased.ts";
import type { Turns } from "../turns.ts";
import type { TrainerServices } from "../services.ts";

type Row = typeof autoLabels.$inferSelect;

/** What an auto-label works with: it trains nothing. */
export interface AutoLabelServices extends Pick<TrainerServices, "db" | "store" | "log"> {
  readonly inference: Pick<Inference, "find">;
}

/** Characters that the masks of one image may take, more than any image's true objects do. */
const maxMaskText = 64 * 1024 * 1024;

interface Finding {
  readonly project: Project;
  readonly version: FindingVersion;
}

/** What became of the look at one image. */
type Looked =
  | { readonly objects: readonly FoundObject[]; readonly left: number }
  | { readonly failure: AutoLabelFailure };

/** One attempt at an auto-label, from where the last one stood: an image's proposals and its place are one write. */
export class AutoLabelRun {
  readonly #services: AutoLabelServices;
  readonly #held: Held<typeof autoLabels>;
  readonly #signal: AbortSignal;
  readonly #turns: Pick<Turns, "untilIdle">;
  readonly #scope: ProjectScope;
  #row: Row;
  /** What this attempt took, without what it waited for others. */
  readonly #spent = { ms: 0, images: 0 };

  constructor(
    services: AutoLabelServices,
    row: Row,
    job: { held: Held<typeof autoLabels>; signal: AbortSignal; turns: Pick<Turns, "untilIdle"> },
  ) {
    this.#services = services;
    this.#row = row;
    this.#held = job.held;
    this.#signal = job.signal;
    this.#turns = job.turns;
    this.#scope = { workspaceId: row.workspaceId, projectId: row.projectId };
  }

  /** The row as it ends. Throws LeaseLost, the signal's reason, or an AppError that says what the job lacks. */
  async run(): Promise<Row> {
    const { db } = this.#services;
    const project = await getProject(db, this.#scope);
    const version = await getVersion(db, this.#scope, this.#row.version);
    const finding = { project, version: { ...version, finder: requireFinder(version) } };
    const all = { ...this.#scope, until: this.#row.createdAt };
    if (this.#row.imagesTotal === null)
      this.#row = await this.#held.write({ imagesTotal: await countUnlabelled(db, all) });
    for (;;) {
      await this.#turns.untilIdle(this.#signal);
      this.#signal.throwIfAborted();
      const image = await nextUnlabelled(db, all, this.#row.cursor);
      if (!image) break;
      const start = performance.now();
      await this.#held.note(`reading image ${image.id}`);
      await this.#keep(image, await this.#look(image, finding), start);
    }
    return this.#end();
  }

  /** Throws what another attempt may not meet again. */
  async #look(image: Image, { project, version }: Finding): Promise<Looked> {
    const { inference, store } = this.#services;
    const { threshold, labels, maxObjects } = this.#row;
    try {
      const { results } = await inference.find({
        workspaceId: this.#scope.workspaceId,
        baseModel: project.baseModel,
        signal: this.#signal,
        image: { ...imageSource(store, image), size: [image.height, image.width] },
        versions: [version],
        asks: [labels ? { labels } : {}],
        threshold: threshold ?? undefined,
        most: maxObjects,
        format: "rle",
        maxAnswerText: maxMaskText,
      });
      const { objects, left } = results[0]?.asks[0] ?? { objects: [], left: 0 };
      return { objects, left };
    } catch (error) {
      if (this.#signal.aborted || !isFinal(error)) throw error;
      // It says nothing of the image.
      if (error.code === "overloaded") throw new AppError("unavailable", error.message, { cause: error });
      this.#services.log.warn({ image: image.id, err: error }, "no objects can be looked for in an image");
      // What happens on our side is logged and told to nobody.
      const isTold = error.status < 500 || toldFailures.has(error.code);
      const message = isTold ? error.message : "The image's bytes can't be read.";
      return { failure: { image_id: image.id, code: error.code, message } };
    }
  }

  /** Writes what was found together with the place after it; of an image that is gone or annotated by now, the place. */
  async #keep(image: Image, looked: Looked, start: number): Promise<void> {
    const { lease } = this.#held;
    this.#row = await this.#services.db.transaction(async (tx) => {
      await holdProject(tx, this.#scope);
      const still = await stillUnlabelled(tx, this.#scope, image.id);
      const objects = still && "objects" in looked ? looked.objects : [];
      const failure = still && "failure" in looked ? looked.failure : undefined;
      const { imagesDone, imagesSkipped, imagesFailed, failures, found, leftOut } = this.#row;
      const row = await autoLabelLeases.write(tx, lease, {
        cursor: { createdAt: image.createdAt.toISOString(), id: image.id },
        imagesDone: imagesDone + 1,
        imagesSkipped: imagesSkipped + (still ? 0 : 1),
        imagesFailed: imagesFailed + (failure ? 1 : 0),
        ...(failure && failures.length < mostFailuresTold && { failures: [...failures, failure] }),
        found: found + objects.length,
        leftOut: leftOut + (still && "objects" in looked ? looked.left : 0),
        etaSeconds: this.#etaAfter(start),
      });
      if (!row) throw await whyLost(tx, autoLabelLeases, lease.id);
      if (still && !failure) await deletePendingProposals(tx, this.#scope, image.id);
      await insertProposals(
        tx,
        this.#scope,
        objects.map((object) => ({
          id: newId("prp"),
          autoLabelId: row.id,
          imageId: image.id,
          version: row.version,
          label: object.label,
          labelScore: object.labelScore,
          score: object.score,
          counts: (object.mask as RleMask).counts,
          area: object.area,
          box: [...object.bbox],
          prompt: [...object.prompt],
        })),
      );
      return row;
    });
  }

  #etaAfter(start: number): number {
    this.#spent.ms += performance.now() - start;
    this.#spent.images++;
    const left = Math.max(0, (this.#row.imagesTotal ?? 0) - this.#row.imagesDone - 1);
    return Math.ceil((this.#spent.ms / this.#spent.images / 1000) * left);
  }

  /** Images that it never met were deleted or annotated before it came to them. */
  async #end(): Promise<Row> {
    const { imagesDone, imagesTotal, imagesSkipped, imagesFailed, failures, found } = this.#row;
    const total = Math.max(imagesTotal ?? 0, imagesDone);
    const skipped = imagesSkipped + total - imagesDone;
    const [first] = failures;
    if (first && imagesFailed + skipped === total)
      throw new AppError(
        first.code as ErrorCode,
        `None of ${imagesFailed} images could be looked at. The first, ${first.image_id}: ${first.message}`,
      );
    const ended = { imagesDone: total, imagesTotal: total, imagesSkipped: skipped, found };
    await this.#held.succeed(ended);
    return { ...this.#row, ...ended };
  }
}
