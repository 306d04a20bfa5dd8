import type { InProject } from "./project.tsx";
export const Versions = ({ project }: InProject) => <p>{project.name}</p>;
