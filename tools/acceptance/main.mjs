import { parseArgs } from "node:util";
import { core } from "./core.mjs";
import { full } from "./full.mjs";
import { Api } from "./http.mjs";
import { smoke } from "./smoke.mjs";

const suites = { smoke, core: [...smoke, ...core], full: [...smoke, ...core, ...full] };

const usage = `usage: maskwright-acceptance URL KEY [smoke | core | full] [--timeout SECONDS] [--json]

Asks an installation from outside, with the key of an admin, whether it does what the contract says.
  smoke   keys, an image, a mask (default); no trainer is needed
  core    a fine-tune of six drawn pictures, its version live and back, out and in
  full    imports, feedback, idempotency, every export
It makes projects of its own and deletes them. The exit code is 1 where something failed, 2 where it was asked wrongly.
`;

/** Runs a suite, one line a check. Returns the exit code. */
export async function main(args) {
  let given;
  try {
    given = parseArgs({
      args,
      allowPositionals: true,
      options: {
        timeout: { type: "string", default: "600" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (error) {
    process.stderr.write(`${error.message}\n${usage}`);
    return 2;
  }
  const { values, positionals } = given;
  const [url, key, name = "smoke"] = positionals;
  const seconds = Number(values.timeout);
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (!url || !key || !Object.hasOwn(suites, name) || !(seconds > 0) || !URL.canParse(url)) {
    process.stderr.write(usage);
    return 2;
  }
  const context = { api: new Api(url, key), seconds };
  const results = [];
  for (const [what, check] of suites[name]) {
    const start = performance.now();
    let failure = null;
    try {
      // What a check found is where the next begins, so that one that failed leaves others to fail for its reason.
      await check(context);
    } catch (error) {
      failure = error.cause ? `${error.message}: ${error.cause.message}` : error.message;
    }
    const took = Math.round(performance.now() - start);
    results.push({ what, passed: failure === null, milliseconds: took, ...(failure && { failure }) });
    if (!values.json)
      process.stdout.write(
        `${failure === null ? "ok  " : "FAIL"} ${what} (${took} ms)${failure ? `\n     ${failure}` : ""}\n`,
      );
  }
  if (context.at) await context.api.ask("DELETE", context.at).catch(() => {});
  const failed = results.filter(({ passed }) => !passed).length;
  if (values.json)
    process.stdout.write(
      `${JSON.stringify({ suite: name, passed: results.length - failed, failed, results })}\n`,
    );
  else process.stdout.write(`${results.length - failed} of ${results.length} passed\n`);
  return failed === 0 ? 0 : 1;
}
