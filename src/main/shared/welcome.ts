import type { Local } from "./local-server.ts";

/** What `npm start` shows: where it is, the key, and three commands to try. */
export function welcome(local: Local, logFile: string): string {
  const key = local.key ?? "<your key>";
  const auth = `-H "Authorization: Bearer ${key}"`;
  const database = local.database === "embedded" ? "PostgreSQL inside" : "the Postgres of DATABASE_URL";
  return `
  maskwright is up: your own Segment Anything, one click away

    URL    ${local.url}        the console, opens with the key; docs at ${local.url}/docs
    Key    ${local.key ?? "made elsewhere (this database had one)"}
    Data   ${local.dataDir} (${database}), log in ${logFile}

  Try it:

    1. Make a project
       curl -s ${local.url}/v1/projects ${auth} \\
         -H "Content-Type: application/json" -d '{"name":"stamps"}'

    2. Import images/ and masks/ of the same names, zipped (the project's id is in the first answer)
       curl -s ${local.url}/v1/projects/PROJECT/imports ${auth} \\
         -H "Content-Type: application/zip" --data-binary @data.zip

    3. Fine-tune, with one click
       curl -s ${local.url}/v1/projects/PROJECT/fine-tunes ${auth} \\
         -H "Content-Type: application/json" -d '{}'

  Or let it tell its own story: npm run demo. Ctrl-C stops everything; nothing is lost.

`;
}
