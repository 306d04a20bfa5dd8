import { expect, it } from "vitest";
import { shoot } from "./browser.ts";
import type { World } from "./world.ts";

export function serverDown(get: () => World): void {
  it("says so, and goes on by itself when it is back", async () => {
    const world = get();
    await world.page.goto(`${world.server.url}/#${world.place}/versions`);
    await world.page.getByText("What was live when").waitFor();
    await world.server.down();
    await world.page.getByRole("button", { name: "Roll back" }).click();
    await world.page.getByText("The server can't be reached. Trying again").waitFor();
    await shoot(world.page, "server-down-light-wide");
    await world.server.up();
    await world.page.getByText("The server can't be reached. Trying again").waitFor({ state: "detached" });
    await world.tab("Images");
    await world.page.locator(".tile").first().waitFor();
  });

  it("has asked nobody else for anything, and no script has failed", () => {
    const world = get();
    expect(world.faults).toEqual([]);
  });
}
