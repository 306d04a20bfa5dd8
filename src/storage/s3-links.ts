import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { checkKey } from "./key-check.ts";
import { attachment, type ObjectLinks } from "./links.ts";

/** Presigned URLs (Signature Version 4): S3 itself holds the client to the key, the length, the hash and the time. */
export function s3Links(client: S3Client, bucket: string): ObjectLinks {
  return {
    async read(key, { seconds, contentType, fileName }) {
      checkKey(key);
      const command = new GetObjectCommand({
        Bucket: bucket,
        Key: key,
        ResponseContentType: contentType,
        ResponseContentDisposition: attachment(fileName),
      });
      return { method: "GET", url: await getSignedUrl(client, command, { expiresIn: seconds }), headers: {} };
    },

    async write(key, { seconds, contentType, bytes, sha256 }) {
      checkKey(key);
      const checksum = Buffer.from(sha256, "hex").toString("base64");
      const command = new PutObjectCommand({
        Bucket: bucket,
        Key: key,
        ContentLength: bytes,
        ContentType: contentType,
        Metadata: { sha256 },
        ChecksumSHA256: checksum,
        IfNoneMatch: "*",
      });
      const headers = {
        "content-type": contentType,
        "if-none-match": "*",
        "x-amz-checksum-sha256": checksum,
        "x-amz-meta-sha256": sha256,
      };
      const url = await getSignedUrl(client, command, {
        expiresIn: seconds,
        // Left to itself the signer moves what it can into the query, where servers other than Amazon's don't look.
        unhoistableHeaders: new Set(Object.keys(headers)),
        signableHeaders: new Set([...Object.keys(headers), "host", "content-length"]),
      });
      return { method: "PUT", url, headers };
    },
  };
}
