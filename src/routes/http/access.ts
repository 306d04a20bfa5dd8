import type { Context } from "hono";
import { matchedRoutes } from "hono/route";
import type { KeyScope } from "../../db/schema/index.ts";

/** What a route asks of its caller: a scope, just some key (`any`), or nothing (`open`). */
export type Access = KeyScope | "any" | "open";

/** Paths of the API: what lies below asks for a key, and is described. */
export const isApiPath = (path: string): boolean => /^\/((v1|label-studio|cvat)\/|mcp$)/.test(path);

/** Paths that other tools call, some of which can send a key in no other way than as a password. */
export const takesBasic = (path: string): boolean => path.startsWith("/label-studio/");

/** Who may call what: every route of the API, and nowhere else. `admin` holds every scope. */
export const routeAccess: Readonly<Record<string, Access>> = {
  "POST /v1/session": "open",
  "GET /v1/session": "any",
  "DELETE /v1/session": "open",

  "GET /v1/keys": "admin",
  "POST /v1/keys": "admin",
  "GET /v1/keys/{key_id}": "admin",
  "DELETE /v1/keys/{key_id}": "admin",
  "POST /v1/keys/{key_id}/rotate": "admin",
  "GET /v1/usage": "read",
  "GET /v1/model-signing-key": "any",

  "GET /v1/links/{token}": "open",
  "PUT /v1/links/{token}": "open",
  "POST /v1/projects/{project_id}/uploads": "annotate",
  "GET /v1/projects/{project_id}/uploads/{upload_id}": "read",
  "POST /v1/projects/{project_id}/uploads/{upload_id}/complete": "annotate",
  "POST /v1/projects/{project_id}/images/{image_id}/link": "read",
  "POST /v1/projects/{project_id}/versions/{number}/link": "read",

  "GET /v1/webhooks": "admin",
  "POST /v1/webhooks": "admin",
  "GET /v1/webhooks/{webhook_id}": "admin",
  "PATCH /v1/webhooks/{webhook_id}": "admin",
  "DELETE /v1/webhooks/{webhook_id}": "admin",
  "POST /v1/webhooks/{webhook_id}/rotate-secret": "admin",
  "POST /v1/webhooks/{webhook_id}/test": "admin",
  "GET /v1/webhooks/{webhook_id}/deliveries": "admin",
  "GET /v1/webhooks/{webhook_id}/deliveries/{delivery_id}": "admin",
  "POST /v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay": "admin",

  "GET /v1/projects": "read",
  "POST /v1/projects": "annotate",
  "GET /v1/projects/{project_id}": "read",
  "PATCH /v1/projects/{project_id}": "train",
  "DELETE /v1/projects/{project_id}": "admin",
  "GET /v1/projects/{project_id}/overview": "read",
  "GET /v1/projects/{project_id}/gallery": "read",

  "GET /v1/projects/{project_id}/images": "read",
  "POST /v1/projects/{project_id}/images": "annotate",
  "GET /v1/projects/{project_id}/images/{image_id}": "read",
  "PATCH /v1/projects/{project_id}/images/{image_id}": "annotate",
  "GET /v1/projects/{project_id}/images/{image_id}/content": "read",
  "GET /v1/projects/{project_id}/images/{image_id}/thumbnail": "read",
  "GET /v1/projects/{project_id}/images/{image_id}/embedding": "predict",
  "DELETE /v1/projects/{project_id}/images/{image_id}": "annotate",

  "GET /v1/projects/{project_id}/annotations": "read",
  "POST /v1/projects/{project_id}/annotations": "annotate",
  "GET /v1/projects/{project_id}/annotations/export": "read",
  "POST /v1/projects/{project_id}/annotations:bucket": "annotate",
  "GET /v1/projects/{project_id}/annotations/{annotation_id}": "read",
  "DELETE /v1/projects/{project_id}/annotations/{annotation_id}": "annotate",

  "GET /v1/projects/{project_id}/imports": "read",
  "POST /v1/projects/{project_id}/imports": "annotate",
  "POST /v1/projects/{project_id}/imports:bucket": "annotate",
  "POST /v1/projects/{project_id}/imports:folder": "annotate",
  "GET /v1/projects/{project_id}/imports/{import_id}": "read",
  "GET /v1/projects/{project_id}/imports/{import_id}/report": "read",
  "GET /v1/projects/{project_id}/imports/{import_id}/picture": "read",

  "POST /v1/projects/{project_id}/predict": "predict",
  "POST /v1/projects/{project_id}/segment-everything": "predict",
  "POST /v1/projects/{project_id}/prewarm": "predict",
  "GET /v1/projects/{project_id}/predictions": "read",
  "GET /v1/projects/{project_id}/predictions/{prediction_id}": "read",
  "POST /v1/projects/{project_id}/predictions/{prediction_id}/feedback": "annotate",
  "GET /v1/projects/{project_id}/feedback": "read",

  "GET /v1/projects/{project_id}/auto-label": "read",
  "POST /v1/projects/{project_id}/auto-label": "annotate",
  "GET /v1/projects/{project_id}/auto-label/{auto_label_id}": "read",
  "POST /v1/projects/{project_id}/auto-label/{auto_label_id}/cancel": "annotate",
  "GET /v1/projects/{project_id}/proposals": "read",
  "POST /v1/projects/{project_id}/proposals:decide": "annotate",
  "POST /v1/projects/{project_id}/proposals/{proposal_id}/accept": "annotate",
  "POST /v1/projects/{project_id}/proposals/{proposal_id}/reject": "annotate",

  "GET /v1/projects/{project_id}/fine-tunes": "read",
  "POST /v1/projects/{project_id}/fine-tunes": "train",
  "GET /v1/projects/{project_id}/fine-tunes/{fine_tune_id}": "read",
  "GET /v1/projects/{project_id}/fine-tunes/{fine_tune_id}/events": "read",
  "POST /v1/projects/{project_id}/fine-tunes/{fine_tune_id}/cancel": "train",
  "POST /v1/projects/{project_id}/fine-tunes/{fine_tune_id}/stop": "train",

  "POST /v1/projects/{project_id}/fine-tunes:preview": "train",
  "GET /v1/projects/{project_id}/fine-tune-previews": "read",
  "GET /v1/projects/{project_id}/fine-tune-previews/{preview_id}": "read",
  "POST /v1/projects/{project_id}/fine-tune-previews/{preview_id}/cancel": "train",

  "GET /v1/projects/{project_id}/versions": "read",
  "POST /v1/projects/{project_id}/versions": "train",
  "GET /v1/projects/{project_id}/versions/{number}": "read",
  "GET /v1/projects/{project_id}/versions/{number}/export": "read",
  "GET /v1/projects/{project_id}/versions/{number}/export/signature": "read",
  "GET /v1/projects/{project_id}/versions/{number}/signature": "read",
  "GET /v1/projects/{project_id}/versions/{number}/pictures/{kind}": "read",
  "POST /v1/projects/{project_id}/versions/{number}/promote": "train",
  "POST /v1/projects/{project_id}/rollback": "train",
  "GET /v1/projects/{project_id}/promotions": "read",

  // The webhook's START_TRAINING alone asks for more.
  "GET /label-studio/{project_id}": "predict",
  "GET /label-studio/{project_id}/health": "predict",
  "GET /label-studio/{project_id}/versions": "predict",
  "POST /label-studio/{project_id}/setup": "predict",
  "POST /label-studio/{project_id}/predict": "predict",
  "POST /label-studio/{project_id}/webhook": "annotate",

  "GET /cvat/{project_id}": "predict",
  "POST /cvat/{project_id}/interactor": "predict",
  "POST /cvat/{project_id}/detector": "predict",
  "POST /cvat/{project_id}/encoder": "predict",

  // Each tool asks for what its route above does.
  "POST /mcp": "any",
};

/** What `METHOD /path/{param}` asks for. A route that nobody has declared is for admins alone. */
export const accessTo = (route: string): Access => routeAccess[route] ?? "admin";

/** The route that will answer, as it stands in `routeAccess`; null where none will. HEAD is answered by GET's. */
export function routeOf(c: Context): string | null {
  const route = matchedRoutes(c).find(({ method }) => method !== "ALL");
  return route ? `${route.method} ${route.path.replaceAll(/\/:(\w+)/g, "/{$1}")}` : null;
}
