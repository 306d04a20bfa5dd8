CREATE TABLE "webhook_deliveries" (
	"id" text PRIMARY KEY DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', '') NOT NULL,
	"workspace_id" text NOT NULL,
	"webhook_id" text NOT NULL,
	"event" text NOT NULL,
	"payload" jsonb NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"attempts" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"attempt_count" integer DEFAULT 0 NOT NULL,
	"delivered_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhook_deliveries_status_check" CHECK (status in ('queued', 'delivered', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "webhooks" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"project_id" text,
	"url" text NOT NULL,
	"events" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"secret" text NOT NULL,
	"previous_secret" text,
	"previous_secret_until" timestamp (3) with time zone,
	"enabled" boolean DEFAULT true NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhooks_events_check" CHECK (jsonb_typeof(events) = 'array')
);
--> statement-breakpoint
ALTER TABLE "webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_webhook_id_webhooks_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "public"."webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhooks" ADD CONSTRAINT "webhooks_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "webhooks" ADD CONSTRAINT "webhooks_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "webhook_deliveries_webhook_idx" ON "webhook_deliveries" USING btree ("webhook_id","created_at","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_queued_idx" ON "webhook_deliveries" USING btree ("created_at") WHERE status = 'queued';--> statement-breakpoint
CREATE INDEX "webhooks_workspace_idx" ON "webhooks" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
-- Hand-written from here on: drizzle has no word for triggers.
-- One message for every webhook that wants to know, in the transaction of what it tells of: none is lost, and none
-- tells of what was rolled back.
CREATE FUNCTION tell_webhooks(workspace text, project text, event text, data jsonb) RETURNS void LANGUAGE sql AS $$
  INSERT INTO webhook_deliveries (workspace_id, webhook_id, event, payload)
  SELECT workspace, w.id, event, jsonb_build_object(
    'type', event, 'timestamp', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'data', data)
  FROM webhooks w
  WHERE w.workspace_id = workspace AND w.enabled AND (w.project_id IS NULL OR w.project_id = project)
    AND (w.events = '[]' OR w.events ? event)
$$;
--> statement-breakpoint
CREATE FUNCTION fine_tune_tells_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  event text := CASE NEW.status WHEN 'preparing' THEN 'started' ELSE NEW.status END;
BEGIN
  -- An attempt that begins anew, or was given back to the queue, is no news to anyone outside.
  IF TG_OP = 'UPDATE' THEN
    IF OLD.status IS NOT DISTINCT FROM NEW.status OR NEW.status IN ('queued', 'running', 'evaluating')
      OR (NEW.status = 'preparing' AND OLD.started_at IS NOT NULL) THEN
      RETURN NULL;
    END IF;
  END IF;
  PERFORM tell_webhooks(NEW.workspace_id, NEW.project_id, 'fine_tune.' || event, jsonb_build_object(
    'id', NEW.id, 'object', 'fine_tune', 'project_id', NEW.project_id, 'status', NEW.status, 'cause', NEW.cause,
    'version', NEW.result_version, 'error', NEW.error));
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER fine_tunes_tell_webhooks AFTER INSERT OR UPDATE OF status ON fine_tunes
  FOR EACH ROW EXECUTE FUNCTION fine_tune_tells_webhooks();
--> statement-breakpoint
CREATE FUNCTION import_tells_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tell_webhooks(NEW.workspace_id, NEW.project_id, 'import.' || NEW.status, jsonb_build_object(
    'id', NEW.id, 'object', 'import', 'project_id', NEW.project_id, 'status', NEW.status,
    'images_created', NEW.images_created, 'annotations_created', NEW.annotations_created, 'error', NEW.error));
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER imports_tell_webhooks AFTER UPDATE OF status ON imports
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('succeeded', 'failed'))
  EXECUTE FUNCTION import_tells_webhooks();
--> statement-breakpoint
CREATE FUNCTION promotion_tells_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM tell_webhooks(NEW.workspace_id, NEW.project_id, 'version.promoted', jsonb_build_object(
    'object', 'promotion', 'project_id', NEW.project_id, 'kind', NEW.kind, 'from_version', NEW.from_version,
    'to_version', NEW.to_version, 'actor', NEW.actor, 'reason', NEW.reason));
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER promotions_tell_webhooks AFTER INSERT ON promotions
  FOR EACH ROW EXECUTE FUNCTION promotion_tells_webhooks();
--> statement-breakpoint
CREATE TRIGGER webhook_deliveries_notify_queued AFTER INSERT OR UPDATE OF status ON webhook_deliveries
  FOR EACH ROW WHEN (NEW.status = 'queued') EXECUTE FUNCTION notify_id('maskwright_webhook_deliveries');
--> statement-breakpoint
-- For requests that wait for an import's end.
CREATE TRIGGER imports_notify_changed AFTER UPDATE OF status ON imports
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION notify_id('maskwright_import_changed');
