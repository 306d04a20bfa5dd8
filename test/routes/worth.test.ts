import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eq } from "../../src/db/drizzle.ts";
import { createImageNotes } from "../../src/db/image-notes.ts";
import { projects } from "../../src/db/schema/index.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { RgbImage } from "../../src/imaging/types.ts";
import { type Answer, errorOf, idOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { asSharp, discImage, noiseImage } from "../worlds/images.ts";
import { finder } from "./finder-fixtures.ts";

interface Listed {
  id: string;
  worth?: {
    rank: number | null;
    reasons: string[];
    distance: number | null;
    doubt: number | null;
    near_duplicate_of: string | null;
  };
}

let app: TestApp;
let project: string;
let url: string;
const ids: Record<string, string> = {};
const hashes: Record<string, string> = {};

const disc = discImage(96, 64, { x: 40, y: 32, radius: 18 });

/** `lighter`: saved once more, a few grey levels lighter. */
async function upload(name: string, picture: RgbImage, { lighter = false } = {}): Promise<void> {
  const sharp = asSharp(picture);
  const file = await (lighter ? sharp.linear(1, 3) : sharp).png().toBuffer();
  const body = Uint8Array.from(file);
  ids[name] = idOf(await app.a.send("POST", url, { body }));
  hashes[name] = sha256(body);
}
const embed = async (name: string): Promise<void> => {
  const answer = await app.a.post(`/v1/projects/${project}/prewarm`, { image: { id: ids[name] } });
  expect(errorOf(answer)).toBe("200");
};
const list = (query = ""): Promise<Answer> => app.a.get(`${url}?order=worth${query}`);
const listed = ({ body }: Answer): Listed[] => body["data"] as Listed[];
const nameOf = ({ id }: Listed): string | undefined => Object.keys(ids).find((name) => ids[name] === id);

beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  url = `/v1/projects/${project}/images`;
  await upload("labelled", disc.image);
  await upload("copy", disc.image, { lighter: true });
  await upload("noise", noiseImage(96, 64, 3));
  await upload("noise again", noiseImage(96, 64, 3), { lighter: true });
  await upload("unseen", noiseImage(64, 96, 4));
  for (const name of ["labelled", "copy", "noise", "noise again"]) await embed(name);
});
afterAll(() => app?.close());

describe("images in the order of what labelling them would teach", () => {
  it("needs neither labels nor a version, and ranks what shows the same but once", async () => {
    const all = listed(await list());
    expect(all.map(({ worth }) => worth?.rank)).toEqual([1, 2, 3, 4, null]);
    const [first, second, ...late] = all.map(nameOf);
    const kinds = [first, second].map((name) => (name?.startsWith("noise") ? "noise" : "disc"));
    expect(kinds.sort()).toEqual(["disc", "noise"]);
    expect(all.slice(2, 4).map(({ worth }) => worth?.reasons)).toEqual([
      ["near_duplicate"],
      ["near_duplicate"],
    ]);
    for (const one of all.slice(2, 4))
      expect([all[0]?.id, all[1]?.id]).toContain(one.worth?.near_duplicate_of);
    expect(late.at(-1)).toBe("unseen");
    expect(all[4]?.worth?.reasons).toEqual(["not_embedded"]);
  });

  it("puts what is unlike the labelled first, and a copy of it behind", async () => {
    const made = await app.a.post(`/v1/projects/${project}/annotations`, {
      image_id: ids["labelled"],
      mask: encodeRle(disc.mask),
    });
    expect(errorOf(made)).toBe("201");
    const all = listed(await list());
    expect(all.map(nameOf)).not.toContain("labelled");
    expect(nameOf(all[0]!)).toMatch(/^noise/);
    expect(all[0]?.worth).toMatchObject({ rank: 1, doubt: null, near_duplicate_of: null });
    const copy = all.find((one) => nameOf(one) === "copy");
    expect(copy?.worth).toMatchObject({ reasons: ["near_duplicate"], near_duplicate_of: null });
  });

  it("gives pages that join to the whole", async () => {
    const whole = listed(await list());
    const first = await list("&limit=2");
    const rest = await list(`&limit=2&cursor=${String(first.body["next_cursor"])}`);
    expect([...listed(first), ...listed(rest)]).toEqual(whole);
    expect([first.body["has_more"], rest.body["has_more"]]).toEqual([true, false]);
  });

  it("hears the live version's finder on images that it has looked at", async () => {
    await seedVersion(app, project, 1, new Uint8Array(4), {}, finder);
    await app.services.db.update(projects).set({ activeVersion: 1 }).where(eq(projects.id, project));
    const notes = createImageNotes(app.services.db, app.services.log);
    const { workspaceId } = app.a;
    for (const [name, doubt] of [
      ["noise", 0.1],
      ["noise again", 4],
    ] as const)
      await notes.doubt({ workspaceId, sha256: hashes[name]!, finderSha256: finder.sha256 }, doubt);
    const [first] = listed(await list());
    expect(nameOf(first!)).toBe("noise again");
    expect(first?.worth).toMatchObject({ doubt: 1 });
    expect(first?.worth?.reasons).toContain("finder_unsure");
  });

  it("forgets what it knew of an image that is deleted", async () => {
    expect(errorOf(await app.a.send("DELETE", `${url}/${ids["noise again"]}`))).toBe("200");
    const rows = await app.services.db.execute(
      `select 1 from image_vectors where image_sha256 = '${hashes["noise again"]}' union all
       select 1 from finder_doubts where image_sha256 = '${hashes["noise again"]}'`,
    );
    expect(rows).toEqual([]);
    expect(listed(await list()).map(nameOf)).toEqual(["noise", "copy", "unseen"]);
  });

  it("refuses another order, another's cursor, and another's project", async () => {
    expect(errorOf(await app.a.get(`${url}?order=best`))).toBe("400 invalid_request order");
    expect(errorOf(await list("&cursor=bm8"))).toBe("400 invalid_request cursor");
    expect(errorOf(await app.b.get(`${url}?order=worth`))).toBe("404 project_not_found project_id");
  });
});
