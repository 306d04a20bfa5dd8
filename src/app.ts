import { methodNotAllowed } from "hono/method-not-allowed";
import { requestId } from "hono/request-id";
import { newId } from "./lib/ids.ts";
import { annotationExportRoutes } from "./routes/annotation-exports.ts";
import { annotationRoutes } from "./routes/annotations.ts";
import { autoLabelRoutes } from "./routes/auto-label.ts";
import { bucketExportRoutes } from "./routes/bucket-exports.ts";
import { bucketImportRoutes } from "./routes/bucket-imports.ts";
import { folderImportRoutes } from "./routes/folder-imports.ts";
import { consoleRoutes } from "./routes/console.ts";
import { cvatRoutes } from "./routes/cvat.ts";
import { addDocs } from "./routes/docs.ts";
import { feedbackRoutes } from "./routes/feedback.ts";
import { fineTuneEventRoutes } from "./routes/fine-tune-events.ts";
import { fineTuneRoutes } from "./routes/fine-tunes.ts";
import { galleryRoutes } from "./routes/gallery.ts";
import { guideRoutes } from "./routes/guide.ts";
import { healthRoutes } from "./routes/health.ts";
import { authenticate } from "./routes/http/auth.ts";
import { createRecentMasks } from "./actions/recent-masks.ts";
import { createKnown } from "./actions/known.ts";
import { allowOrigins } from "./routes/http/allow-origins.ts";
import { conditional } from "./routes/http/conditional.ts";
import { methodNotAllowed as onMethodNotAllowed, notFound } from "./routes/http/errors.ts";
import { onErrorIn } from "./routes/http/deleted-meanwhile.ts";
import { createMetrics } from "./actions/metrics.ts";
import { requestLog } from "./routes/http/request-log.ts";
import { createRouter } from "./routes/http/router.ts";
import { imageContentRoutes } from "./routes/images-content.ts";
import { imageRoutes } from "./routes/images.ts";
import { importResultRoutes } from "./routes/import-results.ts";
import { importRoutes } from "./routes/imports.ts";
import { keyRoutes } from "./routes/keys.ts";
import { labelStudioRoutes } from "./routes/label-studio.ts";
import { linkRoutes } from "./routes/links.ts";
import { mcpRoutes } from "./routes/mcp.ts";
import { predictRoutes } from "./routes/predict.ts";
import { predictionRoutes } from "./routes/predictions.ts";
import { prewarmRoutes } from "./routes/prewarm.ts";
import { previewRoutes } from "./routes/previews.ts";
import { projectRoutes } from "./routes/projects.ts";
import { promotionRoutes } from "./routes/promotions.ts";
import { proposalRoutes } from "./routes/proposals.ts";
import { segmentEverythingRoutes } from "./routes/segment-everything.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { uploadRoutes } from "./routes/uploads.ts";
import { usageRoutes } from "./routes/usage.ts";
import { versionExportRoutes } from "./routes/version-exports.ts";
import { versionImportRoutes } from "./routes/version-imports.ts";
import { versionPictureRoutes } from "./routes/version-pictures.ts";
import { versionRoutes } from "./routes/versions.ts";
import { webhookDeliveryRoutes } from "./routes/webhook-deliveries.ts";
import { webhookRoutes } from "./routes/webhooks.ts";
import type { Services } from "./services.ts";

export type App = ReturnType<typeof createApp>;

/** The whole HTTP API over the services; it owns none of them. */
export function createApp(
  services: Services,
  options: { eventPollMs?: number; eventStreamMs?: number } = {},
) {
  const metrics = createMetrics(services.memory);
  const { eventPollMs = 2000, eventStreamMs = services.config.EVENT_STREAM_SECONDS * 1000 } = options;
  const kept = { recentMasks: createRecentMasks(), known: createKnown() };
  const context = { ...services, ...kept, metrics, eventPollMs, eventStreamMs };
  const app = createRouter();

  app.use(requestId({ generator: () => newId("req"), limitLength: 100 }));
  app.use(requestLog(services.log, metrics));
  app.use("/v1/*", allowOrigins(services.config.CORS_ORIGINS));
  app.use(async (c, next) => {
    c.set("reading", services);
    await next();
  });
  app.use(methodNotAllowed({ app, onMethodNotAllowed }));
  for (const path of ["/v1/*", "/label-studio/*", "/cvat/*", "/mcp"]) {
    app.use(path, conditional());
    app.use(path, authenticate(services.db, services.config.RATE_LIMIT_PER_SECOND));
  }

  for (const routes of [
    projectRoutes,
    imageRoutes,
    imageContentRoutes,
    galleryRoutes,
    // Before the annotations by id, whose path fits, too.
    annotationExportRoutes,
    bucketExportRoutes,
    annotationRoutes,
    importRoutes,
    bucketImportRoutes,
    folderImportRoutes,
    importResultRoutes,
    predictRoutes,
    segmentEverythingRoutes,
    prewarmRoutes,
    predictionRoutes,
    feedbackRoutes,
    autoLabelRoutes,
    proposalRoutes,
    webhookRoutes,
    webhookDeliveryRoutes,
    fineTuneRoutes,
    previewRoutes,
    fineTuneEventRoutes,
    versionRoutes,
    versionExportRoutes,
    versionImportRoutes,
    versionPictureRoutes,
    promotionRoutes,
    sessionRoutes,
    keyRoutes,
    uploadRoutes,
    linkRoutes,
    usageRoutes,
    labelStudioRoutes,
    cvatRoutes,
    mcpRoutes,
    healthRoutes,
  ]) {
    app.route("/", routes(context));
  }
  addDocs(app);
  app.route("/", guideRoutes());
  app.route("/", consoleRoutes());

  app.onError(onErrorIn(services.db));
  app.notFound(notFound);
  return app;
}
