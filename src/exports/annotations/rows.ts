/**
 * Rows on their way from the thread that has the database to the one that writes the file: one question, one answer. The
 * writer asks for the head, begins a walk (over the images alone, or with their annotations), and then for its next rows.
 */
import { once } from "node:events";
import type { MessagePort } from "node:worker_threads";
import type { ExportedPart, ExportHead } from "./types.ts";

export type Walk = "images" | "all";

type Question = { readonly begin: Walk } | "head" | "next";
type RowsAnswer =
  | { readonly head: ExportHead }
  | { readonly parts: readonly ExportedPart[] | null }
  | "failed";

export interface RowSource {
  head(): Promise<ExportHead>;
  walk(what: Walk): AsyncGenerator<readonly ExportedPart[], void, undefined>;
}

export interface AskedRows {
  readonly head: ExportHead;
  walk(what: Walk): AsyncGenerator<ExportedPart, void, undefined>;
}

/** In the writer's thread. Throws where the other thread could not answer, which knows why. */
export async function askRows(port: MessagePort): Promise<AskedRows> {
  const ask = async (question: Question): Promise<Exclude<RowsAnswer, "failed">> => {
    const answered = once(port, "message") as Promise<[RowsAnswer]>;
    port.postMessage(question);
    const [answer] = await answered;
    if (answer === "failed") throw new Error("the rows of an export ended early");
    return answer;
  };
  const first = await ask("head");
  if (!("head" in first)) throw new Error("an export was answered rows without a head");
  return {
    head: first.head,
    walk: async function* (what) {
      for (
        let answer = await ask({ begin: what });
        "parts" in answer && answer.parts;
        answer = await ask("next")
      )
        yield* answer.parts;
    },
  };
}

/** In the thread with the database: answers until the writer closes its end. Rejects with what `source` throws. */
export async function answerRows(port: MessagePort, first: Question, source: RowSource): Promise<void> {
  let rows: ReturnType<RowSource["walk"]> | undefined;
  const answerTo = async (question: Question): Promise<RowsAnswer> => {
    if (question === "head") return { head: await source.head() };
    if (question !== "next") rows = source.walk(question.begin);
    const next = await rows?.next();
    return { parts: next?.value ?? null };
  };
  try {
    for (let question: Question | null = first; question;) {
      const answer = await answerTo(question);
      const asked = nextQuestion(port);
      port.postMessage(answer);
      question = await asked;
    }
  } catch (error) {
    port.postMessage("failed" satisfies RowsAnswer);
    throw error;
  }
}

/** Null once the writer has closed its end. */
export function nextQuestion(port: MessagePort): Promise<Question | null> {
  return new Promise((resolve) => {
    const asked = (question: Question): void => {
      port.off("close", closed);
      resolve(question);
    };
    const closed = (): void => {
      port.off("message", asked);
      resolve(null);
    };
    port.once("message", asked);
    port.once("close", closed);
  });
}
