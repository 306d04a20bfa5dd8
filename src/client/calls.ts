import type { paths } from "./schema.ts";

/** What the routes of src/client/schema.ts take and give, method by method. */

export type Method = "get" | "post" | "put" | "patch" | "delete";

export type PathsWith<M extends Method> = {
  [Path in keyof paths]: M extends keyof paths[Path] ? Path : never;
}[keyof paths];

type Operation<Path, M> = Path extends keyof paths
  ? M extends keyof paths[Path]
    ? paths[Path][M]
    : never
  : never;

type RequiredKeys<T> = { [Key in keyof T]-?: undefined extends T[Key] ? never : Key }[keyof T];

type Params<Op> = Op extends { parameters: infer All }
  ? [RequiredKeys<All>] extends [never]
    ? { params?: All }
    : { params: All }
  : unknown;

type Body<Op> = Op extends { requestBody: { content: { "application/json": infer Sent } } }
  ? { body: Sent }
  : Op extends { requestBody?: { content: { "application/json": infer Sent } } }
    ? { body?: Sent }
    : { body?: never };

/** Parameters of the path and the query, the JSON body, and what fetch takes. */
export type Init<Path, M> = Params<Operation<Path, M>> &
  Body<Operation<Path, M>> & { headers?: Record<string, string>; signal?: AbortSignal };

type Json<Op> = Op extends { responses: infer Answers }
  ? {
      [Status in keyof Answers]: Status extends 200 | 201 | 202
        ? Answers[Status] extends { content: { "application/json": infer Got } }
          ? Got
          : never
        : never;
    }[keyof Answers]
  : never;

/** What a route sends beside JSON, as its caller asks. */
type Zip<Op> = Op extends {
  responses: { 200: { content: { "application/json": unknown; "application/zip": unknown } } };
}
  ? Blob
  : never;

/** The JSON of a success; of a route that sends files, the file. */
export type Data<Path, M> = [Json<Operation<Path, M>>] extends [never]
  ? Blob
  : Json<Operation<Path, M>> | Zip<Operation<Path, M>>;

/** A call whose answer is the data itself; an answer that is no success is thrown as a MaskwrightError. */
export type Call<M extends Method> = <Path extends PathsWith<M>>(
  path: Path,
  ...init: [RequiredKeys<Init<Path, M>>] extends [never] ? [init?: Init<Path, M>] : [init: Init<Path, M>]
) => Promise<Data<Path, M>>;
