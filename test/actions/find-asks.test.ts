import { describe, expect, it } from "vitest";
import { findsOf } from "../../src/actions/find-asks.ts";
import type { VersionRef } from "../../src/inference/types.ts";
import { codeOf, errorOf } from "../helpers/codes.ts";

const version = (number: number, labels: readonly (string | null)[]): VersionRef => ({
  number,
  finder: {
    key: "",
    sha256: "",
    bytes: 0,
    labels,
    pool: 1,
    threshold: 0.5,
    calibration: { slope: 1, offset: 0 },
  },
});

describe("what a request has to find", () => {
  it("is nothing where all is drawn, whatever the version", () => {
    expect(findsOf({ prompts: [{ box: [0, 0, 1, 1] }], find: false }, [{ number: 0 }])).toBeNull();
  });

  it("is each version's own labels, and all of them behind the last prompt", () => {
    const versions = [version(1, ["stamp", "Stamp"]), version(2, ["stamps", null])];
    const prompts = [{ box: [0, 0, 1, 1] }, { text: "Stamp", box: [1, 2, 3, 4], exclude: [] }] as const;
    const finds = findsOf({ prompts, find: true }, versions);
    expect(finds?.places).toEqual([1, 2]);
    const where = { region: [1, 2, 3, 4], exclude: [] };
    expect(finds?.versions.map(({ asks }) => asks)).toEqual([
      [{ labels: ["Stamp"], ...where }, {}],
      [{ labels: ["stamps"], ...where }, {}],
    ]);
  });

  it("says what a version knows, in a message of bounded length", async () => {
    const labels = Array.from({ length: 500 }, (_, i) => `label ${i} ${"x".repeat(150)}`);
    const prompts = [{ label: "y".repeat(200) }];
    const error = await errorOf(() => findsOf({ prompts, find: false }, [version(7, labels)]));
    expect(error).toMatchObject({ code: "label_unknown", param: "prompts[0].label", status: 422 });
    expect(error?.message).toMatch(
      /^prompts\[0\]\.label: version 7 knows no label "y+…"\. It knows "label 0 /,
    );
    expect(error?.message).toMatch(/ and 480 more\.$/);
    expect(error?.message.length).toBeLessThan(1200);
  });

  it("says so where a version knows objects without labels alone", async () => {
    const error = await errorOf(() =>
      findsOf({ prompts: [{ label: "stamp" }], find: false }, [version(1, [null])]),
    );
    expect(error?.message).toContain("only objects without a label: ask with find");
  });

  it("is refused by the name of the version that can't", async () => {
    const without = [version(1, ["a"]), { number: 4, finder: null }];
    const error = await errorOf(() => findsOf({ prompts: [], find: true }, without));
    expect(error).toMatchObject({ code: "finder_missing", param: "version" });
    expect(error?.message).toContain("version 4 has no finder");
    expect(await codeOf(() => findsOf({ prompts: [], find: true }, [{ number: 0 }]))).toBe("finder_missing");
  });
});
