import { expect, it } from "vitest";
import { byName } from "../../src/datasets/groups.ts";
import { type Files, picture, problemOf, readAll, useZips } from "./zips.ts";

const zips = useZips();
const images: Files = {
  "images/p1_0.png": await picture(1),
  "images/p1_1.png": await picture(2),
  "images/sub/q.png": await picture(3),
};

const groupsOf = async (files: Files) =>
  (await readAll(await zips.zip(files))).items.map((item) => item.splitGroup);

it("puts crops of one page together: <page>_<k>", () => {
  const stems = ["a_0", "a_1", "b_0", "c_7", "d_12", "e", "f_123"];
  expect(byName(stems)).toEqual(["a", "a", "b", "c", "d", null, null]);
});

it("puts Roboflow's variants of one picture together, whatever it is called", () => {
  const of = (stem: string, k: number) => `${stem}.rf.${String(k).repeat(20)}`;
  const stems = ["crack_jpg", "dent_png", "p3_1_jpg", "plain"].flatMap((stem) => [of(stem, 1), of(stem, 2)]);
  expect(byName([...stems, "other"])).toEqual([
    "crack",
    "crack",
    "dent",
    "dent",
    "p3",
    "p3",
    "plain",
    "plain",
    null,
  ]);
});

it("takes running numbers for no group", () => {
  const running = Array.from({ length: 30 }, (_, i) => `photo_${String(i).padStart(2, "0")}`);
  expect(byName(running)).toEqual(running.map(() => null));
  // Four pages are too few to split by.
  const few = ["a_0", "a_1", "b_0", "b_1", "c_0", "c_1", "d_0", "d_1"];
  expect(byName(few)).toEqual(few.map(() => null));
  expect(byName([...few, "e_0", "e_1"])).toEqual(["a", "a", "b", "b", "c", "c", "d", "d", "e", "e"]);
  // Six groups, but one has 5 of 10 images.
  const uneven = ["a_0", "a_1", "a_2", "a_3", "a_4", "b_0", "c_0", "d_0", "e_0", "f_0"];
  expect(byName(uneven)).toEqual(uneven.map(() => null));
  // 4 of 10 is just allowed.
  expect(byName(["a_0", "a_1", "a_2", "a_3", "b_0", "c_0", "d_0", "e_0", "f_0", "g_0"])[0]).toBe("a");
});

it("lets groups.csv win, with or without titles, by stem, file name or path", async () => {
  const csv = 'stem,group\r\np1_0,"left, upper"\r\nimages/p1_1.png,right\r\n\r\nsub/q,right\r\n';
  expect(await groupsOf({ ...images, "groups.csv": csv })).toEqual(["left, upper", "right", "right"]);
  expect(await groupsOf({ ...images, "groups.csv": "q,x" })).toEqual([null, null, "x"]);
});

it("takes words before running numbers for classes, not pages", () => {
  const classes = ["crack", "dent", "scratch", "bent lead", "good", "hole"];
  const stems = classes.flatMap((name) => [`${name}_01`, `${name}_02`, `${name}_12`]);
  expect(byName(stems)).toEqual(stems.map(() => null));
});

it("lets groups.json win", async () => {
  expect(await groupsOf({ ...images, "groups.json": { p1_0: "x", "q.png": 4 } })).toEqual(["x", null, "4"]);
});

it("names the line or the image that a groups file gets wrong", async () => {
  const cases: [Files, RegExp][] = [
    [{ "groups.csv": "p1_0,a\nnowhere,b" }, /^groups\.csv: no image has the stem nowhere/],
    [{ "groups.csv": "p1_0,a\np1_1" }, /^groups\.csv: line 2 is not stem,group/],
    [{ "groups.csv": "p1_0,a\np1_0.png,b" }, /^groups\.csv: p1_0\.png is in the groups a and b/],
    [{ "groups.csv": "p1_0,a\0b" }, /^groups\.csv: the group of p1_0: a NUL/],
    [{ "groups.json": "[" }, /^groups\.json: is not JSON/],
    [{ "groups.json": ["a"] }, /^groups\.json: must be an object/],
    [{ "images/other/q.png": await picture(9), "groups.json": { q: "a" } }, /^groups\.json: q fits 2 images/],
  ];
  for (const [files, message] of cases) {
    const found = await problemOf(await zips.zip({ ...images, ...files }));
    expect(found).toMatchObject({ code: "import_file_invalid", message: expect.stringMatching(message) });
  }
});
