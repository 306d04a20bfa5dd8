/** Every object key of the system is made here, and nowhere else. */
export const keys = {
  /** An uploaded image, byte for byte as it came, by its own hash. */
  image: (projectId: string, sha256: string): string => `projects/${projectId}/images/${sha256}`,
  imagePrefix: (projectId: string): string => `projects/${projectId}/images/`,
  /** What a client sends by a link, until the upload is completed; an import's zip stays here until it has ended. */
  upload: (projectId: string, uploadId: string): string => `projects/${projectId}/uploads/${uploadId}`,
  /** An uploaded zip or TAR, kept until its import has ended. */
  importZip: (projectId: string, importId: string): string => `projects/${projectId}/imports/${importId}.zip`,
  /** What an import left out, a line of JSON each. */
  importReport: (projectId: string, importId: string): string =>
    `projects/${projectId}/imports/${importId}.report.jsonl`,
  /** What an import has read so far, a piece for each few hundred images; gone once it has ended. See parts.ts. */
  importPart: (projectId: string, importId: string, number: number): string =>
    `projects/${projectId}/imports/${importId}/parts/${String(number).padStart(7, "0")}.jsonl`,
  importParts: (projectId: string, importId: string): string =>
    `projects/${projectId}/imports/${importId}/parts/`,
  /** Six images of a data set with its masks over them (WebP). */
  importPicture: (projectId: string, importId: string): string =>
    `projects/${projectId}/imports/${importId}.webp`,
  /**
   * An image embedding (safetensors: `image_embedding` [64,64,256] float32; metadata `width`, `height` of the image), by
   * encoder and image content; shared by every project of a workspace.
   */
  embedding: (workspaceId: string, encoderSha256: string, imageSha256: string): string =>
    `workspaces/${workspaceId}/embeddings/${encoderSha256.slice(0, 16)}/${imageSha256}.safetensors`,
  /** The embedding of one rectangle of an image, [x0, y0, x1, y1] in whole pixels, or of its flip; `width` and `height` are its own. */
  regionEmbedding: (
    workspaceId: string,
    encoderSha256: string,
    imageSha256: string,
    { region, flip }: { region?: readonly number[] | undefined; flip?: string | undefined },
  ): string =>
    `workspaces/${workspaceId}/embeddings/${encoderSha256.slice(0, 16)}/${imageSha256}/${[...(region ?? []), ...(flip ? [flip] : [])].join("-")}.safetensors`,
  regionEmbeddingPrefix: (workspaceId: string, encoderSha256: string, imageSha256: string): string =>
    `workspaces/${workspaceId}/embeddings/${encoderSha256.slice(0, 16)}/${imageSha256}/`,
  /** The frozen description of the data that a fine-tune ran on, by its hash. */
  snapshot: (projectId: string, hash: string): string => `projects/${projectId}/snapshots/${hash}.json`,
  /**
   * A decoder's weights (safetensors), by the fine-tune that made them, or the version that they were imported as, and
   * by content, so that a re-run of a job can't overwrite one.
   */
  weights: (projectId: string, origin: string, sha256: string): string =>
    `projects/${projectId}/versions/${origin}-${sha256.slice(0, 16)}.safetensors`,
  /** The weights of a version's finder (safetensors), beside those of its decoder; `weightsPrefix` covers it. */
  finder: (projectId: string, origin: string, sha256: string): string =>
    `projects/${projectId}/versions/${origin}-finder-${sha256.slice(0, 16)}.safetensors`,
  weightsPrefix: (projectId: string, fineTuneId: string): string =>
    `projects/${projectId}/versions/${fineTuneId}-`,
  /** A picture of what a version does (WebP), by what it shows and content. */
  picture: (projectId: string, fineTuneId: string, name: string): string =>
    `projects/${projectId}/pictures/${fineTuneId}/${name}.webp`,
  picturePrefix: (projectId: string, fineTuneId: string): string =>
    `projects/${projectId}/pictures/${fineTuneId}/`,
  /** Where a fine-tune in training stands (safetensors), by attempt and epoch; kept until it has ended. */
  checkpoint: (projectId: string, fineTuneId: string, name: string): string =>
    `projects/${projectId}/checkpoints/${fineTuneId}/${name}.safetensors`,
  checkpointPrefix: (projectId: string, fineTuneId: string): string =>
    `projects/${projectId}/checkpoints/${fineTuneId}/`,
  /** What a base model is (JSON); written last, so that it names only what is there. */
  baseModel: (name: string): string => `base-models/${name}/manifest.json`,
  baseModelsPrefix: "base-models/",
  /** All of one base model, and of imports that were cut off. */
  baseModelObjects: (name: string): string => `base-models/${name}/`,
  /** A file of a base model, by the import that wrote it. */
  baseModelFile: (name: string, importId: string, file: string): string =>
    `base-models/${name}/${importId}/${file}`,
  baseModelFilesPrefix: (name: string, importId: string): string => `base-models/${name}/${importId}/`,
  projectPrefix: (projectId: string): string => `projects/${projectId}/`,
  workspacePrefix: (workspaceId: string): string => `workspaces/${workspaceId}/`,
};
