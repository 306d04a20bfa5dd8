import type { Database } from "../../db/client.ts";
import { appendEvent } from "../../db/queries/fine-tune-events.ts";
import { fineTuneLeases, type Lease } from "../../db/queries/leases.ts";
import { lockProject } from "../../db/queries/projects.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { setActiveVersion } from "../../db/queries/promotions.ts";
import { insertVersion, type NewTunedVersion, nextVersionNumber } from "../../db/queries/version-registry.ts";
import type { GateDecision } from "../../domain/gate.ts";
import { newId } from "../../lib/ids.ts";
import { inSpan } from "../../lib/trace.ts";
import { whyLost } from "../held.ts";

export interface Registration {
  readonly scope: ProjectScope;
  readonly lease: Lease;
  /** All of the version but what the registry gives it. Its weights lie in the object store already. */
  readonly version: Omit<NewTunedVersion, "id" | "number" | "workspaceId" | "projectId" | "fineTuneId">;
  readonly decision: Pick<GateDecision, "promote" | "reason">;
  /** Which version was live when the decision was made; null is the base. */
  readonly judgedAgainst: number | null;
}

/**
 * Registers the version, ends the fine-tune, and promotes, all in one transaction that the lease fences:
 * a worker whose lease is void changes nothing. Gives back the version's number.
 * Throws LeaseLost (or Cancelled), or AppError project_not_found.
 */
export async function registerVersion(
  db: Database,
  { scope, lease, version, decision, judgedAgainst }: Registration,
): Promise<{ number: number; promoted: boolean }> {
  return inSpan("register", {}, async () =>
    db.transaction(async (tx) => {
      // The project first, then the job: the order in which deleting a project takes them.
      const project = await lockProject(tx, scope);
      if (!(await fineTuneLeases.lock(tx, lease))) throw await whyLost(tx, fineTuneLeases, lease.id);
      const number = await nextVersionNumber(tx, scope);
      await insertVersion(tx, { ...version, ...scope, id: newId("ver"), number, fineTuneId: lease.id });
      const moved = project.activeVersion !== judgedAgainst;
      const promoted = decision.promote && !moved;
      if (promoted) {
        await setActiveVersion(tx, scope, {
          kind: "auto",
          toVersion: number,
          actor: lease.id,
          reason: decision.reason,
        });
      }
      const why = decision.promote && moved ? "another version went live meanwhile" : decision.reason;
      const { heldOut } = version.metrics;
      await appendEvent(tx, lease, {
        message: `Version ${number} is registered${promoted ? " and live" : ", not live"}: ${why}`,
        data: { version: number, promoted, base: asSent(heldOut.base), tuned: asSent(heldOut.tuned) },
      });
      const progress = { phase: "register", done: 1, total: 1, etaSeconds: 0 } as const;
      const ended = await fineTuneLeases.succeed(tx, lease, { resultVersion: number, progress });
      if (!ended) throw await whyLost(tx, fineTuneLeases, lease.id);
      return { number, promoted };
    }),
  );
}

/** Scores as an event's data carries them, which callers see. */
const asSent = ({ meanIou, meanDice }: { meanIou: number; meanDice: number }) => ({
  mean_iou: meanIou,
  mean_dice: meanDice,
});
