import type { Reporter, TestModule } from "vitest/node";

/** Closes a run with one plain line of counts, and says loudly what this script does not run. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const count = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    const skipped: string[] = [];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        count[state]++;
        if (state === "skipped") skipped.push(`${module.relativeModuleId}: ${test.fullName}`);
      }
    }
    const failedModules = modules.filter(
      (module) => module.state() === "failed" && module.errors().length > 0,
    );
    const lines = skipped.map((name) => `SKIPPED ${name}`);
    if (!process.env["MASKWRIGHT_PEERS"]) {
      lines.push(
        "SKIPPED what needs Python: npm run test:peers (it installs torch and pycocotools into .venv)",
      );
    }
    lines.push(
      `tests: ${count.passed} passed, ${count.failed + failedModules.length} failed, ${count.skipped} skipped`,
    );
    process.stdout.write(`\n${lines.join("\n")}\n`);
  }
}
