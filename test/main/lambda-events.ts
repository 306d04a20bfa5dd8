import type { LambdaEvent } from "hono/aws-lambda";

/** Events as AWS documents them, recorded once, with the method, path and body of a request put in. */

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query?: string;
  readonly headers?: Record<string, string>;
  /** Bytes go in as base64, as the platform sends what is no text. */
  readonly body?: string | Buffer;
}

const bodyOf = (body: Asked["body"]) => ({
  ...(body !== undefined && { body: typeof body === "string" ? body : body.toString("base64") }),
  isBase64Encoded: Buffer.isBuffer(body),
});

/** A function URL or an HTTP API: payload format 2.0. */
export const httpApiEvent = ({ method, path, query = "", headers = {}, body }: Asked): LambdaEvent =>
  ({
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: query,
    headers: {
      "x-amzn-trace-id": "Root=1-65f1d0a2-0aa2d1c37a0f6d4d1f3b9f6e",
      "x-forwarded-proto": "https",
      "x-forwarded-port": "443",
      "x-forwarded-for": "203.0.113.7",
      host: "abcdefghijklmnop.lambda-url.eu-central-1.on.aws",
      "user-agent": "curl/8.5.0",
      accept: "*/*",
      ...headers,
    },
    requestContext: {
      accountId: "anonymous",
      apiId: "abcdefghijklmnop",
      domainName: "abcdefghijklmnop.lambda-url.eu-central-1.on.aws",
      domainPrefix: "abcdefghijklmnop",
      http: { method, path, protocol: "HTTP/1.1", sourceIp: "203.0.113.7", userAgent: "curl/8.5.0" },
      requestId: "3bf8bb2b-5a87-4f1c-8c6e-0a6a8c2b9d11",
      routeKey: "$default",
      stage: "$default",
      time: "13/Mar/2024:16:12:50 +0000",
      timeEpoch: 1710346370123,
    },
    ...bodyOf(body),
  }) as unknown as LambdaEvent;

/** A REST API of API Gateway: payload format 1.0, headers also as lists. */
export const restApiEvent = ({ method, path, headers = {}, body }: Asked): LambdaEvent =>
  ({
    version: "1.0",
    resource: "/{proxy+}",
    path,
    httpMethod: method,
    headers: { Host: "abc123.execute-api.eu-central-1.amazonaws.com", ...headers },
    multiValueHeaders: Object.fromEntries(
      Object.entries({ Host: "abc123.execute-api.eu-central-1.amazonaws.com", ...headers }).map(
        ([name, value]) => [name, [value]],
      ),
    ),
    queryStringParameters: null,
    multiValueQueryStringParameters: null,
    pathParameters: { proxy: path.slice(1) },
    stageVariables: null,
    requestContext: {
      accountId: "123456789012",
      apiId: "abc123",
      domainName: "abc123.execute-api.eu-central-1.amazonaws.com",
      httpMethod: method,
      identity: { sourceIp: "203.0.113.7", userAgent: "curl/8.5.0" },
      path: `/prod${path}`,
      protocol: "HTTP/1.1",
      requestId: "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
      requestTimeEpoch: 1710346370123,
      resourcePath: "/{proxy+}",
      stage: "prod",
    },
    ...bodyOf(body),
  }) as unknown as LambdaEvent;

/** A load balancer's target. */
export const albEvent = ({ method, path, headers = {}, body }: Asked): LambdaEvent =>
  ({
    requestContext: {
      elb: {
        targetGroupArn:
          "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/api/49e9d65c45c6791a",
      },
    },
    httpMethod: method,
    path,
    queryStringParameters: {},
    headers: {
      host: "api.example.com",
      "x-amzn-trace-id": "Root=1-5c536348-3d683b8b04734faae651f476",
      ...headers,
    },
    ...bodyOf(body),
  }) as unknown as LambdaEvent;
