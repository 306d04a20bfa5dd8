import { expect, it } from "vitest";
import { look, seriousFaults, shoot, sticksOut, themes, widths } from "./browser.ts";
import type { World } from "./world.ts";

/** Every page in two widths and two themes. */
export function everyPage(get: () => World): void {
  const pages = (world: World): [name: string, path: string, ready: string | RegExp][] => [
    ["projects", "/", "Example: stamps"],
    ["images", `${world.place}/images`, /mask/],
    ["images-worst", `${world.place}/images?show=worst`, /IoU 0/],
    ["review", `${world.place}/review`, "Nothing is left to review."],
    ["fine-tune", `${world.place}/fine-tune`, "Runs"],
    ["version", `${world.place}/versions/1`, "By kind of prompt"],
    ["versions", `${world.place}/versions`, "What was live when"],
    ["compare", `${world.place}/compare`, "One click, every version"],
    ["use", `${world.place}/use`, "Segment an image that is here"],
    ["settings", `${world.place}/settings`, "When does a new version go live?"],
    ["keys", "/keys", "Begins with"],
    ["usage", "/usage", "Training minutes"],
    ["webhooks", "/webhooks", "standardwebhooks.com"],
  ];

  it("fits wide and narrow windows, dark and light, and axe finds nothing serious", async () => {
    const world = get();
    const found: string[] = [];
    for (const [name, path, ready] of pages(world)) {
      await look(world.page, "wide", "light");
      await world.page.goto(`${world.server.url}/#${path}`);
      await world.page.getByText(ready).first().waitFor();
      if (name === "version") {
        await world.page.getByRole("slider", { name: /untuned/ }).waitFor();
        await world.page.getByRole("img", { name: /^IoU by epoch: IoU .*, 95 % low / }).waitFor();
      }
      if (name === "compare") {
        await world.page.locator(".pane canvas").first().click();
        await world.page.getByText(/2 masks/).waitFor();
      }
      await world.page.waitForLoadState("networkidle");
      for (const width of Object.keys(widths) as (keyof typeof widths)[]) {
        for (const theme of themes) {
          await look(world.page, width, theme);
          await world.page.waitForTimeout(250);
          const where = `${name} ${width} ${theme}`;
          found.push(...(await seriousFaults(world.page)).map((fault) => `${where}: ${fault}`));
          if (await sticksOut(world.page)) found.push(`${where}: wider than the window`);
          await shoot(world.page, `${name}-${theme}-${width}`, { whole: name !== "images" });
        }
      }
    }
    expect(found).toEqual([]);
  });

  it("among them the one for annotating", async () => {
    const world = get();
    const found: string[] = [];
    await look(world.page, "wide", "light");
    await world.page.goto(`${world.server.url}/#${world.place}/images?show=test`);
    await world.page.locator(".tile").first().click();
    await world.stage.ready();
    await world.page.locator(".object").first().waitFor();
    for (const width of Object.keys(widths) as (keyof typeof widths)[]) {
      for (const theme of themes) {
        await look(world.page, width, theme);
        await world.page.waitForTimeout(250);
        await world.page.keyboard.press("0");
        found.push(...(await seriousFaults(world.page)).map((fault) => `${width} ${theme}: ${fault}`));
        if (await sticksOut(world.page)) found.push(`${width} ${theme}: wider than the window`);
        await shoot(world.page, `annotate-${theme}-${width}`);
      }
    }
    await look(world.page, "wide", "light");
    await world.page.getByRole("button", { name: "Shortcuts" }).click();
    await world.page.getByRole("dialog").waitFor();
    found.push(...(await seriousFaults(world.page)));
    await shoot(world.page, "annotate-shortcuts-light-wide");
    await world.page.keyboard.press("Escape");
    expect(found).toEqual([]);
  });
}
