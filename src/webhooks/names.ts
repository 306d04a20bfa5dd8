import { lookup, type LookupAddress } from "node:dns";
import { Resolver } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { isPublic } from "./guard.ts";

/**
 * Asks DNS over the network, in the event loop. `dns.lookup` would take one of the process's four I/O threads for as long
 * as nobody answers, and four dead names would hold up all names and files.
 */
export const resolver = new Resolver({ timeout: 2000, tries: 2 });

/** IPv4 first. Rejects with DNS's error where there is none. */
async function addressesOf(hostname: string): Promise<LookupAddress[]> {
  const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
  const found = [
    ...(four.status === "fulfilled" ? four.value.map((address) => ({ address, family: 4 })) : []),
    ...(six.status === "fulfilled" ? six.value.map((address) => ({ address, family: 6 })) : []),
  ];
  if (found.length === 0 && four.status === "rejected") throw four.reason as Error;
  return found;
}

/** The names that only this machine knows, as in /etc/hosts: asked once DNS has said that it knows none such, or that there is none. */
const ownAddressesOf = (hostname: string): Promise<LookupAddress[]> =>
  new Promise((resolve, reject) => {
    lookup(hostname, { all: true }, (error, addresses) => (error ? reject(error) : resolve(addresses)));
  });

const isUnknown = (error: unknown): boolean =>
  error instanceof Error &&
  "code" in error &&
  ["ENOTFOUND", "ENODATA", "ECONNREFUSED"].includes(String(error.code));

/**
 * For a connection: looks the name up and lets only public addresses pass, so that what was checked is what is
 * connected to, whatever the name says a moment later.
 */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  void answer(hostname, options, callback, async () => {
    const addresses = await addressesOf(hostname);
    const bad = addresses.find(({ address }) => !isPublic(address));
    if (bad || addresses.length === 0)
      throw new Error(`${hostname} is ${bad?.address ?? "nowhere"}, which is not public`);
    return addresses;
  });
};

/** The same without a check, for closed networks; it knows this machine's own names too. */
export const anyLookup: LookupFunction = (hostname, options, callback) => {
  void answer(hostname, options, callback, () =>
    addressesOf(hostname).catch((error: unknown) => {
      if (isUnknown(error)) return ownAddressesOf(hostname);
      throw error;
    }),
  );
};

async function answer(
  hostname: string,
  options: Parameters<LookupFunction>[1],
  callback: Parameters<LookupFunction>[2],
  find: () => Promise<LookupAddress[]>,
): Promise<void> {
  let found: LookupAddress[];
  try {
    found = await find();
  } catch (error) {
    return callback(error as Error, "", 0);
  }
  const [first] = found;
  if (!first) return callback(new Error(`${hostname} is nowhere`), "", 0);
  return options.all ? callback(null, found) : callback(null, first.address, first.family);
}
