import type { InProject } from "./project.tsx";
export const VersionView = ({ number }: InProject & { number: number }) => <p>{number}</p>;
