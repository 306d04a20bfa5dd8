import { cancelFineTuneTool, getFineTuneTool, startFineTuneTool } from "./fine-tunes.ts";
import { listImagesTool, uploadImageTool } from "./images.ts";
import { predictTool } from "./predict.ts";
import { listProjectsTool } from "./projects.ts";
import type { Tool } from "./tool.ts";
import { exportVersionTool, listVersionsTool, promoteVersionTool, rollbackTool } from "./versions.ts";

/** All tools, in the order in which they are listed. */
export const tools: readonly Tool[] = [
  listProjectsTool,
  listImagesTool,
  uploadImageTool,
  predictTool,
  startFineTuneTool,
  getFineTuneTool,
  cancelFineTuneTool,
  listVersionsTool,
  promoteVersionTool,
  rollbackTool,
  exportVersionTool,
];
