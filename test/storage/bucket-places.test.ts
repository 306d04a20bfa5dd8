import { describe, expect, it } from "vitest";
import { allowedPlace, type AllowedPlaces } from "../../src/storage/bucket-places.ts";

const allowed: AllowedPlaces = {
  setting: "IMPORT_BUCKETS",
  places: ["scans/2026", "open", "shared/{workspace}"],
  own: "maskwright",
};
const asked = (bucket: string, prefix: string, places = allowed) =>
  allowedPlace(places, { bucket, prefix }, "ws_a");

describe("a place in a bucket", () => {
  it.each([
    ["scans", "2026", "2026/"],
    ["scans", "2026/", "2026/"],
    ["scans", "2026/may", "2026/may/"],
    ["open", "", ""],
    ["open", "any/folder", "any/folder/"],
    ["shared", "ws_a", "ws_a/"],
  ])("%s/%s is open", (bucket, prefix, found) => {
    expect(asked(bucket, prefix)).toEqual({ bucket, prefix: found });
  });

  it.each([
    ["scans", "", "prefix"],
    ["scans", "2026-secret", "prefix"],
    ["scans", "20", "prefix"],
    ["shared", "ws_b", "prefix"],
    ["shared", "{workspace}", "prefix"],
    ["other", "2026", "bucket"],
  ])("%s/%s is not, and the setting is named", (bucket, prefix, param) => {
    expect(() => asked(bucket, prefix)).toThrow(
      expect.objectContaining({
        code: "bucket_not_allowed",
        param,
        message: expect.stringContaining("IMPORT_BUCKETS"),
      }),
    );
  });

  it.each(["..", "2026/../secret", "2026//a", "/2026", "2026/\u0000"])("%j is no path", (prefix) => {
    expect(() => asked("scans", prefix)).toThrow(
      expect.objectContaining({ code: "invalid_request", param: "prefix" }),
    );
  });

  it("is never in the bucket of the service itself", () => {
    const places = { ...allowed, places: ["maskwright"] };
    expect(() => asked("maskwright", "projects", places)).toThrow(
      expect.objectContaining({ code: "bucket_not_allowed", param: "bucket" }),
    );
  });
});
