import { signal } from "@preact/signals";
import { api } from "../api/client.ts";
import type { Page, Proposal } from "../api/types.ts";
import { attempt } from "./toasts.ts";

export type Decision = "accept" | "reject";

/** Proposals of one look at the server, the surest first. */
const atOnce = 50;

/** The review that one has left to correct a proposal, and comes back to. */
let left: Review | null = null;

const leave = (review: Review): void => {
  left = review;
};

/** Proposals one at a time: what is decided shows at once and is sent in its order. */
export class Review {
  /** In the order of review; what is decided stays, so that one can go back. */
  readonly rows = signal<readonly Proposal[]>([]);
  readonly at = signal(0);
  /** Nothing more is pending, as far as is known. */
  readonly ended = signal(false);
  readonly projectId: string;
  readonly #path: string;
  #sent: Promise<unknown> = Promise.resolve();
  #loading: Promise<void> = Promise.resolve();

  /** Where one left it to correct a proposal, or from the start. */
  static of(projectId: string): Review {
    const known = left?.projectId === projectId ? left : null;
    left = null;
    return known ?? new Review(projectId);
  }

  constructor(projectId: string) {
    this.projectId = projectId;
    this.#path = `/v1/projects/${projectId}/proposals`;
  }

  /** Asks for more, behind those that are here. */
  load(): Promise<void> {
    return (this.#loading = this.#load(this.#loading));
  }

  /** Decides the proposal that is shown, and shows the next one. */
  decide(decision: Decision): void {
    const row = this.rows.value[this.at.value];
    if (!row) return;
    this.#show({ ...row, status: decision === "accept" ? "accepted" : "rejected" });
    this.move(1);
    this.#sent = this.#send(row, decision, this.#sent);
  }

  /** The proposal that is shown, to be corrected elsewhere once what was decided is sent; null where none is. */
  async correct(): Promise<Proposal | null> {
    const row = this.rows.value[this.at.value] ?? null;
    await this.#sent;
    if (row) leave(this);
    return row;
  }

  /** It was corrected: the review goes on with the next one. */
  static corrected(id: string): void {
    const row = left?.rows.value.find((one) => one.id === id);
    if (!left || !row) return;
    left.#show({ ...row, status: "accepted" });
    left.move(1);
  }

  move(by: 1 | -1): void {
    this.at.value = Math.min(this.rows.value.length, Math.max(0, this.at.value + by));
    if (this.at.value === this.rows.value.length) void attempt(() => this.load());
  }

  /** What was refused is shown as it was. */
  async #send(row: Proposal, decision: Decision, before: Promise<unknown>): Promise<void> {
    await before;
    const went = await attempt(async () =>
      this.#show(await api.post<Proposal>(`${this.#path}/${row.id}/${decision}`)),
    );
    if (!went) this.#show(row);
  }

  #show(row: Proposal): void {
    this.rows.value = this.rows.value.map((one) => (one.id === row.id ? row : one));
  }

  /** One look after the other: an earlier one may have missed what was just found. */
  async #load(before: Promise<void>): Promise<void> {
    await before.catch(() => {});
    // What is on its way would come once more, as pending.
    await this.#sent;
    const query = new URLSearchParams({ status: "pending", order: "score", limit: String(atOnce) });
    const page = await api.get<Page<Proposal>>(`${this.#path}?${query.toString()}`);
    const known = new Set(this.rows.value.map(({ id }) => id));
    const fresh = page.data.filter(({ id }) => !known.has(id));
    this.rows.value = [...this.rows.value, ...fresh];
    this.ended.value = fresh.length === 0;
  }
}
