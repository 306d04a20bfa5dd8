/** An embedding as the object store keeps it. */
export interface ShelvedEmbedding {
  readonly workspaceId: string;
  readonly objectKey: string;
  /** SHA-256 of the image's bytes. */
  readonly imageSha256: string;
  /** Bytes of the object. */
  readonly bytes: number;
}

/**
 * What the object store holds of a workspace's embeddings, and which of them give way when there are too many. It keeps
 * account only: objects are written and removed by whoever asks. A key that it names may be gone already.
 */
export interface EmbeddingShelf {
  /**
   * Asked before an embedding is written. Not admitted: there is no room for it, and it stays in memory. Otherwise the
   * objects in `giveWay`, the oldest, are to be removed for it.
   */
  admit(embedding: ShelvedEmbedding): Promise<{ admitted: boolean; giveWay: readonly string[] }>;
  /** It was read from the store, which makes it young; also takes in one that nobody has counted. */
  touch(embedding: ShelvedEmbedding): Promise<void>;
  /** Their objects are gone. */
  drop(objectKeys: readonly string[]): Promise<void>;
  /** The objects of an image are gone. */
  dropImage(workspaceId: string, imageSha256: string): Promise<void>;
  /** Keys of objects to be removed, because what else the workspace stores has taken their room. */
  crowdedOut(workspaceId: string): Promise<readonly string[]>;
}
