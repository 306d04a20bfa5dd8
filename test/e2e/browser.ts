import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import sharp from "sharp";

const root = resolve(import.meta.dirname, "../..");
/** Into the documentation only when asked: pictures differ by a pixel from run to run. */
export const picturesWanted = Boolean(process.env["UPDATE_SCREENSHOTS"]);
const pictures = join(root, picturesWanted ? "docs/images/console" : "build/e2e");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export const widths = { wide: { width: 1280, height: 800 }, narrow: { width: 390, height: 844 } } as const;
export type Width = keyof typeof widths;
export const themes = ["light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** Debian's chromium, or the one that CHROMIUM names. */
export function openBrowser(): Promise<Browser> {
  const candidates = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser"];
  const executablePath = candidates.find((path) => path !== undefined && existsSync(path));
  if (executablePath === undefined) throw new Error("no chromium here; run: apt-get install -y chromium");
  // Root, as in containers, has no sandbox.
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A page that fails the test by what it logs: every error of a script, and whatever the policy has blocked. */
export async function openPage(browser: Browser, url: string): Promise<{ page: Page; faults: string[] }> {
  const context = await browser.newContext({ viewport: widths.wide, colorScheme: "light", locale: "en" });
  const page = await context.newPage();
  page.setDefaultTimeout(300_000);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    if (/content security policy|refused to/i.test(message.text())) faults.push(message.text());
  });
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (/^https?:$/.test(target.protocol) && target.origin !== url) faults.push(`asked ${target.href}`);
  });
  await page.goto(url);
  return { page, faults };
}

export async function signIn(page: Page, key: string): Promise<void> {
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Projects", level: 1 }).waitFor();
}

/** What is serious or worse to axe, each with the first place. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    const { axe: checker } = globalThis as unknown as {
      axe: {
        run(): Promise<{
          violations: { id: string; impact: string; nodes: { html: string; target: string[] }[] }[];
        }>;
      };
    };
    const { violations } = await checker.run();
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes.length} times, first ${nodes[0]?.target.join(" ")} ${nodes[0]?.html}`,
      );
  });
}

export async function look(page: Page, width: Width, theme: Theme): Promise<void> {
  await page.setViewportSize(widths[width]);
  await page.emulateMedia({ colorScheme: theme });
}

/** A picture of the page as it is, to its end where it is long. */
export async function shoot(page: Page, name: string, options: { whole?: boolean } = {}): Promise<void> {
  // What sticks to the window's edge would stand in the middle of a picture of the whole.
  if (options.whole) await page.evaluate(() => scrollTo(0, 0));
  const png = await page.screenshot({ fullPage: options.whole ?? false, animations: "disabled" });
  const path = join(pictures, `${name}.webp`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await sharp(png).webp({ quality: 80 }).toBuffer());
}

/** Wider than the window: something sticks out, and one has to scroll sideways. */
export const sticksOut = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1);
