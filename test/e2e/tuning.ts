import { expect, it } from "vitest";
import { look, shoot } from "./browser.ts";
import { clicks, spread } from "./clicks.ts";
import { type List, poll, type World } from "./world.ts";

/** From the one button to a version that is live, and back. */
export function tuning(get: () => World): void {
  it("fine-tunes with one more click, and watches it learn", async () => {
    const world = get();
    await world.page.goto(`${world.server.url}/#${world.place}/fine-tune`);
    await world.page.getByLabel("Effort").selectOption("quick");
    await world.page.getByRole("button", { name: "Fine-tune", exact: true }).click();
    await world.page.waitForURL(/fine-tune\/ft_/);
    await world.page.getByText("Training", { exact: true }).waitFor();
    await world.page.getByText(/left$/).waitFor();
    await world.page
      .getByRole("img", { name: /^IoU by epoch: IoU 0\.\d+, 95 % low [01]\.\d+, 95 % high [01]\.\d+/ })
      .waitFor();
    await poll(() =>
      world.page.locator(".log li", { hasText: /^.*Epoch [1-9]/ }).count(),
    ).toBeGreaterThanOrEqual(4);
    await shoot(world.page, "run-live-light-wide");
    await look(world.page, "wide", "dark");
    await shoot(world.page, "run-live-dark-wide");
    await look(world.page, "wide", "light");
    await world.page.getByRole("button", { name: "Stop and keep" }).click();
    await world.page.getByText("IoU gained").waitFor({ timeout: 600_000 });
    const [job] = (
      await world.server.get<List<{ status: string; version: number }>>(`/v1${world.place}/fine-tunes`)
    ).data;
    expect(job).toMatchObject({ status: "succeeded", version: 1 });
    expect(await world.live()).toBeNull();
  });

  it("moves the line between before and after", async () => {
    const world = get();
    const slider = world.page.getByRole("slider", { name: /untuned .* v1/ });
    await slider.waitFor();
    await slider.focus();
    const before = Number(await slider.inputValue());
    for (let i = 0; i < 10; i++) await world.page.keyboard.press("ArrowLeft");
    expect(Number(await slider.inputValue())).toBe(before - 10);
    await world.page.getByRole("button", { name: "True mask" }).click();
    await world.page.getByText("By kind of prompt").waitFor();
  });

  it("compares the untuned model with the tuned one by one click", async () => {
    const world = get();
    await world.tab("Compare");
    const panes = world.page.locator(".pane");
    await poll(() => panes.count()).toBe(2);
    const canvas = panes.first().locator("canvas");
    const box = await canvas.boundingBox();
    if (!box) throw new Error("no pane");
    await canvas.click({ position: { x: box.width / 2, y: box.height / 2 } });
    await world.page.getByText(/2 masks on one embedding/).waitFor();
    await poll(() => world.page.getByText(/predicted IoU/).count()).toBe(2);
  });

  it("promotes the version, and rolls back", async () => {
    const world = get();
    await world.tab("Versions");
    await world.page.getByRole("button", { name: "Promote v1" }).click();
    await world.page.getByText("Version 1 is live.").waitFor();
    expect(await world.live()).toBe(1);
    await world.page.getByRole("button", { name: "Roll back" }).click();
    await world.page.getByText("Rolled back to what was live before.").waitFor();
    expect(await world.live()).toBeNull();
    await world.page.getByRole("button", { name: "Promote v1" }).click();
    await poll(() => world.live()).toBe(1);
    const audit = world.page.getByRole("region", { name: "What was live when" }).locator("tbody tr");
    await poll(() => audit.count()).toBe(3);
  });

  it("clicks on the tuned version, and sees its masks about as soon as the base's", async () => {
    const world = get();
    await world.page.goto(`${world.server.url}/#${world.place}/images`);
    await world.page.locator(".tile", { hasText: "letter-1.jpg" }).click();
    await world.stage.ready();
    await world.embedded();
    // Without previews: each click is asked for when it is made.
    await world.page.keyboard.press("v");
    const took: string[] = [];
    for (const model of ["base", "1"]) {
      await world.page.getByLabel("Model").selectOption(model);
      const found = await clicks(world);
      for (const { mask } of found) expect(mask).toBeTruthy();
      took.push(spread(found));
    }
    await world.page.getByLabel("Model").selectOption("active");
    await world.page.keyboard.press("v");
    await world.page.goto(`${world.server.url}/#${world.place}/versions`);
    console.log(`click to mask on screen, cached embedding: base ${took[0]}; tuned version ${took[1]}`);
  });

  it("sees trials as they run, and cancels a fine-tune", async () => {
    const world = get();
    await world.tab("Fine-tune");
    await world.page.getByRole("button", { name: "Fine-tune", exact: true }).click();
    await world.page
      .getByRole("region", { name: "Trials" })
      .locator("tbody tr")
      .first()
      .waitFor({ timeout: 1_500_000 });
    await shoot(world.page, "run-trials-light-wide");
    await world.page.getByRole("button", { name: "Cancel" }).click();
    await world.page.getByText("cancelled", { exact: true }).waitFor();
    expect(await world.live()).toBe(1);
    // The first trial encodes windows of every image before it trains.
  }, 1_800_000);
}
