import type { Project } from "../../db/queries/projects.ts";
import type { VersionName } from "../asked-versions.ts";

const prefix = "maskwright-";

/** What Label Studio files predictions under; a new one has it ask again. Version 0 is the base. */
export const modelVersion = (number: number): string => `${prefix}${number === 0 ? "base" : number}`;

/** The one that answers now. */
export const liveModelVersion = ({ activeVersion }: Project): string => modelVersion(activeVersion ?? 0);

/** The version that is meant: older Label Studios say which one they were told of; else, and for another's, the live one. */
export function versionNamed(name: string | null | undefined): VersionName {
  const named = name?.startsWith(prefix) ? name.slice(prefix.length) : "";
  if (named === "base") return "base";
  return /^[1-9]\d{0,8}$/.test(named) ? Number(named) : "active";
}
