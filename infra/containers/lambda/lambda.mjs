// Lambda's runtime looks for JavaScript by name; ours is TypeScript that Node runs as it is.
export { handler } from "./src/main/lambda.ts";
