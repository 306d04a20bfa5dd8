import type { InProject } from "./project.tsx";
export const RunView = ({ id }: InProject & { id: string }) => <p>{id}</p>;
