import type { Row } from "../types.ts";
import { ends } from "./end.ts";
import { kills } from "./kill.ts";
import { objects } from "./object.ts";
import { pauses } from "./pause.ts";
import { rooms } from "./room.ts";
import { storms } from "./storm.ts";

export const rows: readonly Row[] = [...kills, ...pauses, ...storms, ...ends, ...objects, ...rooms];
