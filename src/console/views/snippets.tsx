import type { InProject } from "./project.tsx";
export const Snippets = ({ project }: InProject) => <p>{project.name}</p>;
