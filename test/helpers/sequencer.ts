import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The lanes of `npm test`, those whose files take minutes first: one that begins last would leave the other workers idle. */
const order = ["scenario", "model", "api", "unit"];

/** Vitest's own order inside a lane, and the lanes by how long their files take. */
export default class LongestLaneFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const place = ({ project }: TestSpecification): number => order.indexOf(project.name);
    return sorted.toSorted((a, b) => place(a) - place(b));
  }
}
