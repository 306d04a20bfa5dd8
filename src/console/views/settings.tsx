import type { InProject } from "./project.tsx";
export const Settings = ({ project }: InProject) => <p>{project.name}</p>;
