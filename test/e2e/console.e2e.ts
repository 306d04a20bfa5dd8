import { afterAll, beforeAll, describe } from "vitest";
import { annotating } from "./annotating.ts";
import { serverDown } from "./down.ts";
import { everyPage } from "./pages.ts";
import { reviewing } from "./reviewing.ts";
import { tuning } from "./tuning.ts";
import { World } from "./world.ts";

/** One story on one server: each part goes on where the one before has ended. */
let world: World;
beforeAll(async () => {
  world = await World.open();
});
afterAll(() => world?.close());

describe("somebody who has never read the docs", () => {
  annotating(() => world);
  tuning(() => world);
});
describe("what a version has found", () => reviewing(() => world));
describe("every page", () => everyPage(() => world));
describe("when the server goes down", () => serverDown(() => world));
