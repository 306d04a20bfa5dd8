CREATE TABLE "fine_tune_previews" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"seed" integer DEFAULT 0 NOT NULL,
	"progress" jsonb,
	"result" jsonb,
	"error" jsonb,
	"lease_token" uuid,
	"attempt" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "fine_tune_previews_status_check" CHECK (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
	CONSTRAINT "fine_tune_previews_seed_check" CHECK (seed >= 0),
	CONSTRAINT "fine_tune_previews_attempt_check" CHECK (attempt >= 0),
	CONSTRAINT "fine_tune_previews_result_check" CHECK ((status = 'succeeded') = (result is not null))
);
--> statement-breakpoint
ALTER TABLE "fine_tune_previews" ADD CONSTRAINT "fine_tune_previews_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "fine_tune_previews_project_idx" ON "fine_tune_previews" USING btree ("project_id","created_at","id");--> statement-breakpoint
CREATE INDEX "fine_tune_previews_open_idx" ON "fine_tune_previews" USING btree ("created_at") WHERE status in ('queued', 'running');--> statement-breakpoint
CREATE TRIGGER fine_tune_previews_fill_workspace_id BEFORE INSERT ON fine_tune_previews
  FOR EACH ROW EXECUTE FUNCTION fill_workspace_id();
--> statement-breakpoint
CREATE TRIGGER fine_tune_previews_notify_queued AFTER INSERT OR UPDATE OF status ON fine_tune_previews
  FOR EACH ROW WHEN (NEW.status = 'queued') EXECUTE FUNCTION notify_id('maskwright_fine_tune_previews');
