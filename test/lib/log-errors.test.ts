import { describe, expect, it } from "vitest";
import { AppError } from "../../src/lib/errors.ts";
import { loggedError, loggedPath, loggedText } from "../../src/lib/log-errors.ts";

describe("an error in the log", () => {
  it("tells the code of what a caller is told, whose text may quote the caller", () => {
    const cause = new Error("mr-smith.png: no image");
    const error = new AppError("import_file_invalid", "mr-smith.png can't be read", { cause });
    expect(loggedText(error)).toBe("import_file_invalid");
    expect(loggedText(new Error("an import stopped", { cause: error }))).toBe(
      "an import stopped: import_file_invalid",
    );
    const told = JSON.stringify(loggedError(error));
    expect(told).toContain("log-errors.test.ts");
    expect(told).not.toContain("mr-smith");
  });

  it("tells all of what failed on our side", () => {
    const cause = Object.assign(new Error("ENOSPC: no space left"), { code: "ENOSPC", syscall: "write" });
    const error = new AppError("unavailable", "the object store can't write", { cause });
    expect(loggedError(error)).toMatchObject({
      type: "AppError",
      code: "unavailable",
      syscall: "write",
      message: "the object store can't write: ENOSPC: no space left",
    });
    const several = new AggregateError([error, cause], "some releases failed");
    expect(loggedError(several)).toMatchObject({ errors: [{ code: "unavailable" }, { code: "ENOSPC" }] });
    expect(loggedText("a text")).toBe("a text");
  });
});

describe("a path in the log", () => {
  it.each([
    ["/v1/projects/prj_01knt4pecv9jhbgq4nqvwvd42x/images", null],
    ["/v1/projects/prj_01knt4pecv9jhbgq4nqvwvd42x/versions/3/promote", null],
    ["/v1/links/eyJhbGciOiJIUzI1NiJ9.eyJrZXkiOiJwcm9qZWN0cyJ9.AbCdEf-_0123456789", "/v1/links/…"],
    ["/v1/keys/mw_short", "/v1/keys/…"],
    ["/v1/keys/%6Dw_short", "/v1/keys/…"],
  ])("of %s is told as %s", (path, told) => {
    expect(loggedPath(path)).toBe(told ?? path);
  });
});
