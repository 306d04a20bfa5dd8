import type { InProject } from "./project.tsx";
export const FineTuneView = ({ project }: InProject) => <p>{project.name}</p>;
