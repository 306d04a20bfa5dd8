import type { BinaryMask } from "../../src/imaging/types.ts";
import { idOf, type TestApp } from "../helpers/app.ts";
import { makeProject } from "../helpers/seeds.ts";
import { asPng, discImage } from "./images.ts";

/** A drawn disc, in pixels of its picture. */
export const disc = { x: 60, y: 45, radius: 25 };
/** Its box. */
export const around = [35, 20, 85, 70];

export interface DiscProject {
  readonly project: string;
  /** The image's id. */
  readonly image: string;
  /** The disc's mask. */
  readonly truth: BinaryMask;
  /** The image as a PNG file. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Makes a project with one 120 x 90 picture, which shows the disc. */
export async function discProject(app: TestApp): Promise<DiscProject> {
  const project = await makeProject(app.a);
  const drawn = discImage(120, 90, disc);
  const bytes = Uint8Array.from(await asPng(drawn.image));
  const image = idOf(await app.a.send("POST", `/v1/projects/${project}/images`, { body: bytes }));
  return { project, image, truth: drawn.mask, bytes };
}
