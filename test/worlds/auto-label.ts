import { eq } from "../../src/db/drizzle.ts";
import { annotations, images, projects, proposals, versions } from "../../src/db/schema/index.ts";
import type { Finder } from "../../src/domain/finder.ts";
import type { FindRequest, FindResult, FoundObject } from "../../src/inference/find/types.ts";
import { runAutoLabel } from "../../src/jobs/auto-label/run.ts";
import { idOf, type TestApp } from "../helpers/app.ts";
import { makeProject, rectangleRle, seedImage, seedVersion } from "../helpers/seeds.ts";

/** Projects whose objects are looked for by the real job, with an inference that answers by hand. */

export const finder: Finder = {
  key: "key",
  sha256: "hash",
  bytes: 1,
  labels: ["stamp", "seal", null],
  pool: 1,
  threshold: 0.5,
  calibration: { slope: 1, offset: 0 },
};
const turns = { untilIdle: () => Promise.resolve() };
export const never = new AbortController().signal;

type Found = Partial<FoundObject> & { readonly at?: [number, number, number, number] };

/** An inference that finds one stamp in every image, or what `findIn` says of the n-th look. */
export function finding(
  findIn: (look: number, request: FindRequest) => Found[] | Promise<Found[]> = () => [{}],
) {
  const asked: FindRequest[] = [];
  const find = async (request: FindRequest): Promise<FindResult> => {
    asked.push(request);
    const all = await findIn(asked.length, request);
    const objects = all.map(({ at = [2, 2, 6, 6], ...more }) => ({
      mask: rectangleRle(at),
      bbox: at,
      area: (at[2] - at[0]) * (at[3] - at[1]),
      score: 0.9,
      label: "stamp",
      labelScore: 0.75,
      prompt: at,
      ...more,
    }));
    const [kept, left] = [objects.slice(0, request.most), Math.max(0, objects.length - request.most)];
    return { results: [{ version: 1, asks: [{ objects: kept, left }] }] } as unknown as FindResult;
  };
  return { find, asked };
}

export const second = (i: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, i));

/** A project whose version 1 is live and finds, with images that nobody has annotated. */
export async function findingProject(app: TestApp, count: number) {
  const id = await makeProject(app.a);
  await seedVersion(app, id, 1);
  await app.db.update(versions).set({ finder }).where(eq(versions.projectId, id));
  await app.db.update(projects).set({ activeVersion: 1 }).where(eq(projects.id, id));
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const image = await seedImage(app, id);
    await app.db
      .update(images)
      .set({ createdAt: second(i) })
      .where(eq(images.id, image));
    ids.push(image);
  }
  const url = `/v1/projects/${id}`;
  const start = async (body: object = {}) => app.a.post(`${url}/auto-label`, body);
  const jobOf = async (job: string) => (await app.a.get(`${url}/auto-label/${job}`)).body;
  const run = async (job: string, inference = finding(), signal = never) =>
    runAutoLabel({ ...app.services, inference }, { id: job, signal, turns });
  /** In the order of the images. */
  const rows = async () => {
    const all = await app.db
      .select()
      .from(proposals)
      .where(eq(proposals.projectId, id))
      .orderBy(proposals.area);
    return all.sort((a, b) => ids.indexOf(a.imageId) - ids.indexOf(b.imageId));
  };
  const marks = () => app.db.select().from(annotations).where(eq(annotations.projectId, id));
  return { id, images: ids, url, start, jobOf, run, rows, marks };
}

/** With one proposal in each image. */
export async function withProposals(app: TestApp, count: number, objects?: Parameters<typeof finding>[0]) {
  const made = await findingProject(app, count);
  const job = idOf(await made.start());
  await made.run(job, finding(objects));
  return { ...made, job, proposed: await made.rows() };
}
