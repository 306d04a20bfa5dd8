import type * as Router from "../../src/console/state/router.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

describe("the place behind the hash", () => {
  const browser = { hash: "#/projects/prj_1/images?label=two%20words&page=2" };
  let changed: () => void = () => {};
  const scrolled = vi.fn();
  let router: typeof Router;

  beforeAll(async () => {
    vi.stubGlobal("location", browser);
    vi.stubGlobal("addEventListener", (_name: string, listener: () => void) => (changed = listener));
    vi.stubGlobal("scrollTo", scrolled);
    vi.resetModules();
    router = await import("../../src/console/state/router.ts");
  });
  afterAll(() => vi.unstubAllGlobals());

  it("is read as parts and a query when the page opens", () => {
    expect(router.place.value).toEqual({
      parts: ["projects", "prj_1", "images"],
      query: { label: "two words", page: "2" },
    });
  });

  it("follows the hash, and begins at the top", () => {
    browser.hash = "#/";
    changed();
    expect(router.place.value).toEqual({ parts: [], query: {} });
    expect(scrolled).toHaveBeenCalledWith(0, 0);
  });

  it("gives back what it was put together from, whatever letters those are", () => {
    const parts = ["projects", "a/b?c#d", "größe", 7];
    router.go(router.href(...parts));
    changed();
    expect(router.place.value.parts).toEqual(parts.map(String));
  });
});
