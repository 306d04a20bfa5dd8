/** `npm run maskwright -- COMMAND`: the public API from a terminal; see docs/cli.md. */
import { readFileSync } from "node:fs";
import { createMaskwright } from "../client/index.ts";
import { readCliEnvironment } from "../config.ts";
import { parse } from "./arguments.ts";
import { autoLabelCommand } from "./auto-label.ts";
import type { Command } from "./command.ts";
import { CliError, lineOf, told } from "./errors.ts";
import { fineTuneCommand } from "./fine-tune.ts";
import { imagesCommand } from "./images.ts";
import { importCommand } from "./import.ts";
import { type CliEnvironment, connect, keepLogin, originOf } from "./login.ts";
import { migrateCommand } from "./migrate.ts";
import { predictCommand } from "./predict.ts";
import type { Streams } from "./screen.ts";
import { exportAnnotationsCommand } from "./export-annotations.ts";
import { uploadCommand } from "./upload.ts";
import { verifyCommand } from "./verify.ts";
import {
  exportCommand,
  projectsCommand,
  promoteCommand,
  rollbackCommand,
  versionsCommand,
} from "./versions.ts";

const usage = `maskwright COMMAND [--json]

  login --url URL --key KEY          KEY "-" is read from stdin
  projects
  import PATH [--project ID | --name NAME] [--dry-run] [--masks binary|instances|classes]
          [--split-parts] [--max-skipped-share S] [--base-model NAME|auto]
                                     a zip, TAR, Parquet file or folder of images and masks;
                                     auto: the first fine-tune tries all base models
  import s3://BUCKET/PREFIX [--again] ...
                                     what lies in a bucket; what was read before is not again
  import FOLDER --on-server ...      a folder of the service's own machine, which IMPORT_FOLDERS opens
  migrate roboflow|label-studio|cvat|hf EXPORT [--images FOLDER] [--name NAME]
          [--base-model NAME|auto] [--epochs N] [--budget SECONDS]
          [--serving interactive|best] [--seed N]
                                     from another tool's export to a tuned version
  images PROJECT [--order newest|worth] [--limit N]
                                     worth: what to label next, and why
  predict PROJECT IMAGE [--box x0,y0,x1,y1 ...] [--point x,y[,0 or 1] ...]
          [--label NAME ...] [--region NAME ...] [--find]
                                     what the version was taught, without drawing;
                                     region: all of a label as one mask
          [--like ANNOTATION|x0,y0,x1,y1 ...]
                                     what is like an object that is there
          [--version active|base|N] [--overlay FILE] [--mask FILE.png]
  fine-tune PROJECT [--epochs N] [--budget SECONDS] [--serving interactive|best]
            [--base-version N] [--seed N] [--detach]
                                     Ctrl-C asks it to stop and keep its best
  auto-label PROJECT [--version N] [--threshold T] [--max-objects N] [--label L ...]
             [--detach]              proposes objects in all images without annotations
  versions PROJECT
  upload PROJECT FILE [--signature FILE.sig]
                                     weights of a model as a version, which is not live
  promote PROJECT VERSION [--reason TEXT]
  rollback PROJECT [--reason TEXT]
  export PROJECT VERSION [--format safetensors|onnx|pth|hf|transformersjs|bundle|card]
         [--variant all|single|multi|cvat|served|engine] [--full] [-o FILE] [--sign]
                                     --sign: its signature too, in FILE.sig
  verify FILE [--signature FILE.sig] [--key KEY.pem]
                                     whether FILE is what was signed; by the server's key
  export annotations PROJECT [--format coco|yolo|label_studio|cvat|voc|labelme]
         [--shapes masks|polygons] [--polygon-tolerance PIXELS] [-o FILE]
  export annotations PROJECT --to s3://BUCKET/PREFIX [--shapes masks|polygons]
                                     images and their COCO file, to a bucket

MASKWRIGHT_URL and MASKWRIGHT_KEY win over what login kept.
`;

const loginCommand: Command = async ({ args, env }) => {
  const { values } = parse(args, [], { url: { type: "string" }, key: { type: "string" } });
  const given = values.url ?? env.url;
  if (given === undefined) throw new CliError("usage", "--url is missing.");
  const url = originOf(given);
  const key = values.key === "-" ? readFileSync(0, "utf8").trim() : (values.key ?? env.key);
  if (key === undefined || key === "") throw new CliError("usage", "--key is missing.");
  // Kept only once the server has taken it.
  const session = await createMaskwright({ url, key }).get("/v1/session");
  await keepLogin(env.loginFile, { url, key });
  const text = `logged in to ${url} with key "${session.key.name}" (${session.key.scopes.join(", ")}); kept in ${env.loginFile}`;
  return { text, data: session };
};

const commands: Record<string, Command> = {
  login: loginCommand,
  projects: projectsCommand,
  import: importCommand,
  migrate: migrateCommand,
  images: imagesCommand,
  predict: predictCommand,
  "fine-tune": fineTuneCommand,
  "auto-label": autoLabelCommand,
  upload: uploadCommand,
  versions: versionsCommand,
  promote: promoteCommand,
  rollback: rollbackCommand,
  verify: verifyCommand,
  export: (call) =>
    call.args[0] === "annotations"
      ? exportAnnotationsCommand({ ...call, args: call.args.slice(1) })
      : exportCommand(call),
};

/** Runs one command; returns the exit code: 0, or 1 with one line on stderr. */
export async function run(argv: readonly string[], env: CliEnvironment, streams: Streams): Promise<number> {
  const json = argv.includes("--json");
  const [name, ...args] = argv.filter((argument) => argument !== "--json");
  if (
    name === undefined ||
    args.concat(name).some((one) => one === "--help" || one === "-h") ||
    name === "help"
  ) {
    streams.out.write(usage);
    return name === undefined ? 1 : 0;
  }
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) throw new CliError("usage", `There is no command ${name}; see maskwright --help.`);
    const { text, data } = await command({ args, json, env, streams, api: () => connect(env) });
    streams.out.write(json ? `${JSON.stringify(data)}\n` : `${text}\n`);
    return 0;
  } catch (error) {
    const what = told(error);
    streams.err.write(json ? `${JSON.stringify({ error: what })}\n` : `${lineOf(what)}\n`);
    return 1;
  }
}

if (import.meta.main) {
  const { stdout: out, stderr: err } = process;
  process.exitCode = await run(process.argv.slice(2), readCliEnvironment(), { out, err });
}
