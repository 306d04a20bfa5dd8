CREATE TABLE "auto_labels" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"version" integer NOT NULL,
	"threshold" double precision,
	"max_objects" integer NOT NULL,
	"labels" jsonb,
	"cursor" jsonb,
	"images_total" integer,
	"images_done" integer DEFAULT 0 NOT NULL,
	"images_skipped" integer DEFAULT 0 NOT NULL,
	"images_failed" integer DEFAULT 0 NOT NULL,
	"failures" jsonb DEFAULT '[]' NOT NULL,
	"found" integer DEFAULT 0 NOT NULL,
	"eta_seconds" integer,
	"error" jsonb,
	"lease_token" uuid,
	"attempt" integer DEFAULT 0 NOT NULL,
	"doing" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "auto_labels_status_check" CHECK (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
	CONSTRAINT "auto_labels_asked_check" CHECK (version >= 1 and max_objects >= 1 and threshold between 0 and 1),
	CONSTRAINT "auto_labels_counts_check" CHECK (images_total >= 0 and images_done >= 0 and images_skipped >= 0 and images_failed >= 0 and found >= 0),
	CONSTRAINT "auto_labels_attempt_check" CHECK (attempt >= 0)
);
--> statement-breakpoint
CREATE TABLE "proposals" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"auto_label_id" text NOT NULL,
	"image_id" text NOT NULL,
	"version" integer NOT NULL,
	"label" text,
	"label_score" double precision NOT NULL,
	"score" double precision NOT NULL,
	"counts" text NOT NULL,
	"area" integer NOT NULL,
	"box" jsonb NOT NULL,
	"prompt" jsonb NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"annotation_id" text,
	"decided_by" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"decided_at" timestamp (3) with time zone,
	CONSTRAINT "proposals_status_check" CHECK (status in ('pending', 'accepted', 'rejected')),
	CONSTRAINT "proposals_decided_check" CHECK ((status = 'pending') = (decided_at is null)),
	CONSTRAINT "proposals_area_check" CHECK (area > 0),
	CONSTRAINT "proposals_label_score_check" CHECK (label_score between 0 and 1),
	CONSTRAINT "proposals_box_check" CHECK (jsonb_array_length(box) = 4 and jsonb_array_length(prompt) = 4)
);
--> statement-breakpoint
ALTER TABLE "annotations" DROP CONSTRAINT "annotations_source_check";--> statement-breakpoint
ALTER TABLE "auto_labels" ADD CONSTRAINT "auto_labels_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "proposals" ADD CONSTRAINT "proposals_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "proposals" ADD CONSTRAINT "proposals_auto_label_id_auto_labels_id_fk" FOREIGN KEY ("auto_label_id") REFERENCES "public"."auto_labels"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "proposals" ADD CONSTRAINT "proposals_image_id_images_id_fk" FOREIGN KEY ("image_id") REFERENCES "public"."images"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "proposals" ADD CONSTRAINT "proposals_annotation_id_annotations_id_fk" FOREIGN KEY ("annotation_id") REFERENCES "public"."annotations"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "auto_labels_project_idx" ON "auto_labels" USING btree ("project_id","created_at","id");--> statement-breakpoint
CREATE INDEX "auto_labels_workspace_idx" ON "auto_labels" USING btree ("workspace_id","started_at");--> statement-breakpoint
CREATE UNIQUE INDEX "auto_labels_project_open_key" ON "auto_labels" USING btree ("project_id") WHERE status in ('queued', 'running');--> statement-breakpoint
CREATE INDEX "proposals_project_idx" ON "proposals" USING btree ("project_id","created_at","id");--> statement-breakpoint
CREATE INDEX "proposals_score_idx" ON "proposals" USING btree ("project_id","status","label_score","id");--> statement-breakpoint
CREATE INDEX "proposals_image_idx" ON "proposals" USING btree ("image_id","status");--> statement-breakpoint
CREATE INDEX "proposals_job_idx" ON "proposals" USING btree ("auto_label_id");--> statement-breakpoint
CREATE INDEX "proposals_annotation_idx" ON "proposals" USING btree ("annotation_id");--> statement-breakpoint
ALTER TABLE "annotations" ADD CONSTRAINT "annotations_source_check" CHECK (source in ('api', 'import', 'feedback', 'proposal'));--> statement-breakpoint
CREATE TRIGGER auto_labels_fill_workspace_id BEFORE INSERT ON auto_labels
  FOR EACH ROW EXECUTE FUNCTION fill_workspace_id();
--> statement-breakpoint
CREATE TRIGGER auto_labels_notify AFTER INSERT OR UPDATE OF status ON auto_labels
  FOR EACH ROW EXECUTE FUNCTION notify_id('maskwright_auto_labels');
