// Lambda's runtime looks for JavaScript by name; ours is TypeScript that Node runs as it is.
export * from "./src/main/lambda-tasks.ts";
