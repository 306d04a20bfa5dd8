import { describe, expect, it } from "vitest";
import { generateSecret, signedHeaders } from "../../src/webhooks/sign.ts";

describe("a message's signature", () => {
  it("is that of the Standard Webhooks specification's example", () => {
    const message = {
      id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
      body: '{"test": 2432232314}',
      at: new Date(1_614_265_330_500),
    };
    expect(signedHeaders(message, ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])).toEqual({
      "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
      "webhook-timestamp": "1614265330",
      "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    });
  });

  it("is one for each valid secret", () => {
    const secrets = [generateSecret(), generateSecret()];
    const message = { id: "msg_1", body: "{}", at: new Date() };
    const both = signedHeaders(message, secrets)["webhook-signature"];
    const each = secrets.map((secret) => signedHeaders(message, [secret])["webhook-signature"]);
    expect(both).toBe(each.join(" "));
    expect(each[0]).not.toBe(each[1]);
  });
});

it("a new secret is 32 bytes, and another one each time", () => {
  const [one, other] = [generateSecret(), generateSecret()];
  expect(one).toMatch(/^whsec_/);
  expect(Buffer.from(one.slice(6), "base64")).toHaveLength(32);
  expect(one).not.toBe(other);
});
