import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../src/lib/hash.ts";
import {
  keyIdOf,
  newSigningKey,
  publicKeyOf,
  publicKeysIn,
  readBundle,
  type SignatureBundle,
  SignatureRefused,
  signModel,
  verifyFile,
  verifyModel,
} from "../../src/lib/model-signature.ts";

const reference = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/model-signing.json"), "utf8"),
) as { text: string; key: string; bundle: SignatureBundle };

const key = newSigningKey();
const hash = sha256("weights");
const signed = signModel(key, {
  name: "prj_1-v1",
  files: [{ name: ".", sha256: hash }],
  about: { maskwright: { version: 1 } },
});

/** The same bundle with another payload under the same signature. */
function withPayload(change: (statement: { subject: object[]; predicate: object }) => void): SignatureBundle {
  const bundle = structuredClone(signed);
  const { dsseEnvelope } = bundle;
  const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString()) as Parameters<
    typeof change
  >[0];
  change(statement);
  return {
    ...bundle,
    dsseEnvelope: {
      ...dsseEnvelope,
      payload: Buffer.from(JSON.stringify(statement)).toString("base64"),
    },
  };
}

const why = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof SignatureRefused) return error.message;
    throw error;
  }
  return "held";
};

describe("a model's signature", () => {
  it("is read where model_signing made it", () => {
    const bundle = readBundle(JSON.stringify(reference.bundle));
    expect(verifyFile(bundle, reference.key, sha256(reference.text))).toEqual({
      name: "model.bin",
      files: [{ name: ".", sha256: sha256(reference.text) }],
      about: {},
    });
    expect(keyIdOf(reference.key)).toBe(reference.bundle.verificationMaterial.publicKey.hint);
  });

  it("says what it was given, and has the same fields as model_signing's", () => {
    const { about, name } = verifyFile(readBundle(JSON.stringify(signed)), publicKeyOf(key), hash);
    expect([name, about]).toEqual(["prj_1-v1", { maskwright: { version: 1 } }]);
    expect(Object.keys(signed)).toEqual(Object.keys(reference.bundle));
    const statement = (of: SignatureBundle): unknown =>
      JSON.parse(Buffer.from(of.dsseEnvelope.payload, "base64").toString());
    const ours = statement(signModel(key, { name: "m", files: [{ name: ".", sha256: hash }] }));
    expect(Object.keys(ours as object)).toEqual(Object.keys(statement(reference.bundle) as object));
  });

  it("lists many files by their names, with one hash over all", () => {
    const files = ["b", "a"].map((name) => ({ name, sha256: sha256(name) }));
    const { files: read } = verifyModel(signModel(key, { name: "folder", files }), publicKeyOf(key));
    expect(read.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  it.each([
    ["other bytes", () => verifyFile(signed, publicKeyOf(key), sha256("others")), /other bytes/],
    ["another key", () => verifyModel(signed, publicKeyOf(newSigningKey())), /another key/],
    [
      "another payload",
      () =>
        verifyModel(
          withPayload((statement) => Object.assign(statement.predicate, { extra: 1 })),
          publicKeyOf(key),
        ),
      /does not hold/,
    ],
    ["no key", () => verifyModel(signed, "no key"), /no public key/],
    ["no JSON", () => readBundle("{"), /no bundle/],
    ["another bundle", () => readBundle(JSON.stringify({ ...signed, mediaType: "text/plain" })), /no bundle/],
    ["too much", () => readBundle(" ".repeat(2 ** 20 + 1)), /too large/],
  ])("is refused with %s", (_what, read, message) => {
    expect(why(read)).toMatch(message);
  });

  it("is refused where the key's name was left out and the key is another", () => {
    const nameless = { ...signed, verificationMaterial: { publicKey: {} } };
    expect(why(() => verifyModel(nameless, publicKeyOf(newSigningKey())))).toMatch(/does not hold/);
    expect(why(() => verifyModel(nameless, publicKeyOf(key)))).toBe("held");
  });

  it("comes with keys that a text may hold several of", () => {
    const two = [newSigningKey(), newSigningKey()].map(publicKeyOf);
    expect(publicKeysIn(`# trusted\n${two.join("\n")}`)).toEqual(two);
    expect(publicKeysIn(newSigningKey())).toEqual([]);
  });
});
