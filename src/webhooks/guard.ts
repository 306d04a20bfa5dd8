import { BlockList, isIP } from "node:net";
import { AppError } from "../lib/errors.ts";

/**
 * IPv4 that is not the public internet: RFC 6890 and IANA's registry of special-purpose addresses, 169.254.169.254 of
 * the clouds among them.
 */
const special4 = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
] as const)
  special4.addSubnet(net, bits);

/** Public IPv6 is 2000::/3; these lie in it, and 6to4 and Teredo carry an IPv4 address that nobody has looked at. */
const public6 = new BlockList();
public6.addSubnet("2000::", 3, "ipv6");
const special6 = new BlockList();
for (const [net, bits] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  special6.addSubnet(net, bits, "ipv6");

/** Whether an address, as numbers, is one of the public internet. */
export function isPublic(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !special4.check(address);
  return family === 6 && public6.check(address, "ipv6") && !special6.check(address, "ipv6");
}

/** A literal address of a URL without its brackets, or null for a name. */
const literal = ({ hostname }: URL): string | null => {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return isIP(bare) === 0 ? null : bare;
};

/**
 * Whether a webhook may point there at all: https, no credentials in the URL, and no private address; names are
 * looked up at every delivery. `allowPrivate` (for tests and closed networks) lets all of it pass but the credentials.
 * Throws AppError webhook_url_not_allowed.
 */
export function checkWebhookUrl(text: string, { allowPrivate }: { allowPrivate: boolean }): URL {
  const refuse = (why: string): AppError =>
    new AppError("webhook_url_not_allowed", `url: ${why}.`, { param: "url" });
  const refuseClosed = (why: string): AppError =>
    refuse(`${why}; an installation in a closed network allows it by WEBHOOK_ALLOW_PRIVATE=true`);
  if (!URL.canParse(text)) throw refuse("not a URL");
  const url = new URL(text);
  if (url.username !== "" || url.password !== "") throw refuse("a URL with a name or password is not taken");
  if (url.protocol !== "https:" && !(allowPrivate && url.protocol === "http:"))
    throw (url.protocol === "http:" ? refuseClosed : refuse)("only https is taken");
  const address = literal(url);
  if (allowPrivate) return url;
  if (address !== null && !isPublic(address)) throw refuseClosed(`${address} is not a public address`);
  if (address === null && !url.hostname.includes("."))
    throw refuseClosed(`${url.hostname} is not a public name`);
  return url;
}
