import type { InProject } from "./project.tsx";
export const Compare = ({ project }: InProject) => <p>{project.name}</p>;
