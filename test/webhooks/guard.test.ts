import { describe, expect, it } from "vitest";
import { checkWebhookUrl, isPublic } from "../../src/webhooks/guard.ts";
import { publicLookup } from "../../src/webhooks/names.ts";
import { withDns } from "../helpers/dns.ts";
import { errorOf } from "../helpers/codes.ts";

const codeOf = async (url: string, allowPrivate = false): Promise<string | undefined> =>
  (await errorOf(() => checkWebhookUrl(url, { allowPrivate })))?.message;

/** What an operator can do about it. */
const closed = "; an installation in a closed network allows it by WEBHOOK_ALLOW_PRIVATE=true";

describe("a webhook's URL", () => {
  it.each(["https://example.org/hooks?a=1", "https://8.8.8.8:8443/", "https://[2606:4700:4700::1111]/x"])(
    "may be %s",
    async (url) => {
      expect(await codeOf(url)).toBeUndefined();
    },
  );

  it.each([
    ["http://example.org/", `url: only https is taken${closed}.`],
    ["ftp://example.org/", "url: only https is taken."],
    ["file:///etc/passwd", "url: only https is taken."],
    ["example.org", "url: not a URL."],
    ["https://user:secret@example.org/", "url: a URL with a name or password is not taken."],
    ["https://localhost/", `url: localhost is not a public name${closed}.`],
    ["https://metadata/", `url: metadata is not a public name${closed}.`],
    ["https://127.0.0.1/", `url: 127.0.0.1 is not a public address${closed}.`],
    ["https://169.254.169.254/latest/meta-data", `url: 169.254.169.254 is not a public address${closed}.`],
    ["https://10.1.2.3/", `url: 10.1.2.3 is not a public address${closed}.`],
    // Other ways to write 127.0.0.1, which the URL parser reads as such.
    ["https://2130706433/", `url: 127.0.0.1 is not a public address${closed}.`],
    ["https://0x7f.1/", `url: 127.0.0.1 is not a public address${closed}.`],
    ["https://0177.0.0.1/", `url: 127.0.0.1 is not a public address${closed}.`],
    ["https://[::1]/", `url: ::1 is not a public address${closed}.`],
    ["https://[::ffff:127.0.0.1]/", `url: ::ffff:7f00:1 is not a public address${closed}.`],
    ["https://[64:ff9b::7f00:1]/", `url: 64:ff9b::7f00:1 is not a public address${closed}.`],
    ["https://[fd00::1]/", `url: fd00::1 is not a public address${closed}.`],
    ["https://[fe80::1]/", `url: fe80::1 is not a public address${closed}.`],
    ["https://[2002:7f00:1::]/", `url: 2002:7f00:1:: is not a public address${closed}.`],
  ])("may not be %s", async (url, message) => {
    expect(await codeOf(url)).toBe(message);
  });

  it("may be private and plain where the settings allow that, but carries no password even so", async () => {
    expect(await codeOf("http://127.0.0.1:9000/hook", true)).toBeUndefined();
    expect(await codeOf("http://a:b@127.0.0.1/", true)).toBeDefined();
    expect(await codeOf("ftp://127.0.0.1/", true)).toBeDefined();
  });
});

it("knows the edges of the private ranges", () => {
  const edges = [
    "9.255.255.255",
    "11.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "100.63.255.255",
    "100.128.0.0",
  ];
  expect(edges.filter((address) => !isPublic(address))).toEqual([]);
  const inside = ["10.0.0.0", "172.31.255.255", "100.127.255.255", "0.0.0.0", "255.255.255.255", "224.0.0.1"];
  expect(inside.filter((address) => isPublic(address))).toEqual([]);
  expect(isPublic("not an address")).toBe(false);
});

it("refuses a name that is private at the moment of the connection", async () => {
  const lookUp = () =>
    new Promise((resolve) => {
      publicLookup("rebound.example.org", { all: true }, (failure, found) => resolve(failure ?? found));
    });
  expect(String(await withDns("127.0.0.1", lookUp))).toContain(
    "rebound.example.org is 127.0.0.1, which is not public",
  );
  expect(await withDns("8.8.8.8", lookUp)).toEqual([{ address: "8.8.8.8", family: 4 }]);
});
