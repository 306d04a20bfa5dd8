import { createSocket } from "node:dgram";
import { resolver } from "../../src/webhooks/names.ts";

/**
 * Lets webhooks' names be looked up at a DNS server of this test's while `use` runs. It gives every name this IPv4
 * address and no IPv6 one; null: it never answers.
 */
export async function withDns<T>(address: string | null, use: () => Promise<T>): Promise<T> {
  const server = createSocket("udp4");
  server.on("message", (query, from) => {
    if (address !== null) server.send(answerTo(query, address), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  const before = resolver.getServers();
  resolver.setServers([`127.0.0.1:${server.address().port}`]);
  try {
    return await use();
  } finally {
    resolver.cancel();
    resolver.setServers(before);
    server.close();
  }
}

/** RFC 1035, 4.1: the header, the question as it came, and one record that points back to its name. */
function answerTo(query: Buffer, address: string): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const question = query.subarray(12, end);
  const isA = question.readUInt16BE(question.length - 4) === 1;
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x8180, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(isA ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split(".").map(Number)]);
  return Buffer.concat([header, question, ...(isA ? [record] : [])]);
}
