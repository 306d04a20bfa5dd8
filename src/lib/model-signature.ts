import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from "node:crypto";
import { z } from "zod";

/*
 * Signatures of model files in the format of OpenSSF's model signing 1.0, with an elliptic curve key: a Sigstore bundle
 * round a DSSE envelope round an in-toto statement, which lists the files with their hashes.
 * Source: sigstore/model-transparency, docs/model_signing_format.md and src/model_signing/_signing (signing.py,
 * sign_ec_key.py); secure-systems-lab/dsse, protocol.md.
 */

export const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const payloadType = "application/vnd.in-toto+json";
const statementType = "https://in-toto.io/Statement/v1";
const predicateType = "https://model_signing/signature/v1.0";

const hashes: Readonly<Record<string, string>> = {
  prime256v1: "sha256",
  secp384r1: "sha384",
  secp521r1: "sha512",
};

/** Larger than any bundle that lists a few thousand files. */
export const mostSignatureBytes = 1024 * 1024;

const bundleSchema = z.object({
  mediaType: z.literal(bundleMediaType),
  verificationMaterial: z.looseObject({ publicKey: z.object({ hint: z.string().optional() }) }),
  dsseEnvelope: z.object({
    payload: z.string(),
    payloadType: z.literal(payloadType),
    signatures: z.array(z.looseObject({ sig: z.string() })).min(1),
  }),
});
/** As it is written to `FILE.sig`; more fields than these may be there. */
export type SignatureBundle = z.infer<typeof bundleSchema>;

const statementSchema = z.object({
  _type: z.literal(statementType),
  subject: z.array(z.object({ name: z.string(), digest: z.object({ sha256: z.string() }) })).length(1),
  predicateType: z.literal(predicateType),
  predicate: z.looseObject({
    resources: z.array(z.object({ name: z.string(), algorithm: z.literal("sha256"), digest: z.string() })),
  }),
});

/** A file as a statement names it: its path in the model's folder, `.` for a model that is one file. */
export interface SignedFile {
  readonly name: string;
  /** SHA-256 of its bytes, in hex. */
  readonly sha256: string;
}

/** What a signature says once it holds. */
export interface SignedModel {
  readonly name: string;
  readonly files: readonly SignedFile[];
  /** What the signer said of the model beside its files. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** A signature that is none of ours, does not hold, or is of something else; its message says which. */
export class SignatureRefused extends Error {}

/** A new private key on P-256, PKCS 8 in PEM. */
export const newSigningKey = (): string =>
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
    type: "pkcs8",
    format: "pem",
  }) as string;

/** The public half of a private key, SubjectPublicKeyInfo in PEM. */
export const publicKeyOf = (privateKey: string): string => spki(createPublicKey(privateKey));

/** What a bundle names its key by: SHA-256 of the public key's PEM. Throws SignatureRefused where it is no public key. */
export const keyIdOf = (publicKey: string): string =>
  createHash("sha256")
    .update(spki(publicKeyFrom(publicKey)))
    .digest("hex");

const spki = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }) as string;

function publicKeyFrom(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch {
    throw new SignatureRefused("the key is no public key in PEM");
  }
}

function hashFor(key: KeyObject): string {
  const hash = hashes[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (hash === undefined) throw new SignatureRefused("the key lies on none of P-256, P-384 and P-521");
  return hash;
}

/** What is signed: DSSE's pre-authentication encoding of the payload. */
const preAuthenticated = (payload: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `, "utf8"),
    payload,
  ]);

/** SHA-256 over the files' hashes in their order: the model's own. */
function rootOf(files: readonly SignedFile[]): string {
  const root = createHash("sha256");
  for (const { sha256 } of files) root.update(Buffer.from(sha256, "hex"));
  return root.digest("hex");
}

/** Signs a model by the hashes of its files. */
export function signModel(
  privateKey: string,
  { name, files, about = {} }: { name: string; files: readonly SignedFile[]; about?: SignedModel["about"] },
): SignatureBundle {
  const key = createPrivateKey(privateKey);
  const sorted = files.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const statement = {
    _type: statementType,
    subject: [{ name, digest: { sha256: rootOf(sorted) } }],
    predicateType,
    predicate: {
      serialization: { method: "files", hash_type: "sha256", allow_symlinks: false, ignore_paths: [] },
      resources: sorted.map((file) => ({ name: file.name, algorithm: "sha256", digest: file.sha256 })),
      ...about,
    },
  };
  const payload = Buffer.from(JSON.stringify(statement), "utf8");
  const signature = sign(hashFor(key), preAuthenticated(payload), key);
  return {
    mediaType: bundleMediaType,
    verificationMaterial: { publicKey: { hint: keyIdOf(publicKeyOf(privateKey)) }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString("base64"),
      payloadType,
      signatures: [{ sig: signature.toString("base64"), keyid: "" }],
    },
  };
}

/** A bundle as it came. Throws SignatureRefused where it is none. */
export function readBundle(text: string): SignatureBundle {
  if (text.length > mostSignatureBytes) throw new SignatureRefused("the signature is too large to be one");
  const read = bundleSchema.safeParse(jsonOf(text));
  if (read.success) return read.data;
  throw new SignatureRefused(`the signature is no bundle of ${bundleMediaType} with a public key`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a bundle says, held to a public key in PEM. Throws SignatureRefused. */
export function verifyModel(bundle: SignatureBundle, publicKey: string): SignedModel {
  const key = publicKeyFrom(publicKey);
  const { hint } = bundle.verificationMaterial.publicKey;
  const id = keyIdOf(publicKey);
  if (hint !== undefined && hint !== id) {
    throw new SignatureRefused(`it was signed with another key (${hint}) than this one (${id})`);
  }
  const { payload: base64, signatures } = bundle.dsseEnvelope;
  const payload = Buffer.from(base64, "base64");
  const sig = Buffer.from(signatures[0]?.sig ?? "", "base64");
  if (!verify(hashFor(key), preAuthenticated(payload), key, sig)) {
    throw new SignatureRefused("the signature does not hold: it was changed, or made with another key");
  }
  const read = statementSchema.safeParse(jsonOf(payload.toString("utf8")));
  if (!read.success) throw new SignatureRefused(`what was signed is no ${predicateType}`);
  const { subject, predicate } = read.data;
  const { resources, serialization: _how, ...about } = predicate;
  const files = resources.map(({ name, digest }) => ({ name, sha256: digest }));
  if (rootOf(files) !== subject[0]?.digest.sha256) {
    throw new SignatureRefused("the list of files that was signed contradicts its own hash");
  }
  return { name: subject[0].name, files, about };
}

/** The same for a model of these files, no more and no fewer. Throws SignatureRefused, naming those that are others. */
export function verifyFiles(
  bundle: SignatureBundle,
  publicKey: string,
  files: readonly SignedFile[],
): SignedModel {
  const signed = verifyModel(bundle, publicKey);
  const [before, after] = [signed.files, files].map(
    (list) => new Map(list.map(({ name, sha256 }) => [name, sha256])),
  );
  const names = new Set([...signed.files, ...files].map(({ name }) => name));
  const other = [...names].filter((name) => before?.get(name) !== after?.get(name)).sort();
  if (other.length > 0) throw new SignatureRefused(`these are not as they were: ${other.join(", ")}`);
  return signed;
}

/** The same for a model of one file, which has to be the one with this hash. Throws SignatureRefused. */
export function verifyFile(bundle: SignatureBundle, publicKey: string, sha256: string): SignedModel {
  const signed = verifyModel(bundle, publicKey);
  const [file] = signed.files;
  if (signed.files.length !== 1 || file?.sha256 !== sha256) {
    throw new SignatureRefused(
      `it is the signature of other bytes (${signed.files.map((one) => one.sha256).join(", ")}), not of these (${sha256})`,
    );
  }
  return signed;
}

const inPem = /-----BEGIN PUBLIC KEY-----[^-]*-----END PUBLIC KEY-----\n?/g;

/** Public keys of a text, which may hold several in PEM. */
export const publicKeysIn = (text: string): string[] => text.match(inPem) ?? [];
