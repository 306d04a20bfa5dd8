CREATE TABLE "feedback" (
	"id" text PRIMARY KEY DEFAULT 'fb_' || replace(gen_random_uuid()::text, '-', '') NOT NULL,
	"workspace_id" text DEFAULT '' NOT NULL,
	"project_id" text NOT NULL,
	"prediction_id" text NOT NULL,
	"prompt_index" integer NOT NULL,
	"mask_index" integer DEFAULT 0 NOT NULL,
	"version" integer NOT NULL,
	"action" text NOT NULL,
	"prompt" jsonb DEFAULT '{}' NOT NULL,
	"iou" real,
	"annotation_id" text,
	"actor" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "feedback_action_check" CHECK (action in ('accept', 'reject', 'correct')),
	CONSTRAINT "feedback_place_check" CHECK (prompt_index >= 0 and mask_index >= 0 and version >= 0),
	CONSTRAINT "feedback_iou_check" CHECK (iou between 0 and 1)
);
--> statement-breakpoint
ALTER TABLE "annotations" DROP CONSTRAINT "annotations_source_check";--> statement-breakpoint
DROP INDEX "predictions_project_idx";--> statement-breakpoint
ALTER TABLE "annotations" ADD COLUMN "lineage" jsonb;--> statement-breakpoint
ALTER TABLE "fine_tunes" ADD COLUMN "cause" text DEFAULT 'request' NOT NULL;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "width" integer;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "height" integer;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "request" jsonb DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "masks" integer;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "request_bytes" integer;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "answer_bytes" integer;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "embedding_from" text;--> statement-breakpoint
ALTER TABLE "predictions" ADD COLUMN "actor" text;--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "fine_tune_after_corrections" integer;--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "prediction_retention_days" integer DEFAULT 90 NOT NULL;--> statement-breakpoint
ALTER TABLE "feedback" ADD CONSTRAINT "feedback_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "feedback" ADD CONSTRAINT "feedback_annotation_id_annotations_id_fk" FOREIGN KEY ("annotation_id") REFERENCES "public"."annotations"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "feedback_prediction_key" ON "feedback" USING btree ("project_id","prediction_id","prompt_index");--> statement-breakpoint
CREATE INDEX "feedback_project_idx" ON "feedback" USING btree ("project_id","created_at","id");--> statement-breakpoint
CREATE INDEX "feedback_annotation_idx" ON "feedback" USING btree ("annotation_id");--> statement-breakpoint
CREATE INDEX "predictions_image_idx" ON "predictions" USING btree ("workspace_id","image_sha256");--> statement-breakpoint
CREATE INDEX "predictions_project_idx" ON "predictions" USING btree ("project_id","created_at","id");--> statement-breakpoint
ALTER TABLE "annotations" ADD CONSTRAINT "annotations_source_check" CHECK (source in ('api', 'import', 'feedback'));--> statement-breakpoint
ALTER TABLE "fine_tunes" ADD CONSTRAINT "fine_tunes_cause_check" CHECK (cause in ('request', 'corrections'));--> statement-breakpoint
ALTER TABLE "projects" ADD CONSTRAINT "projects_corrections_check" CHECK (fine_tune_after_corrections >= 1);--> statement-breakpoint
ALTER TABLE "projects" ADD CONSTRAINT "projects_retention_check" CHECK (prediction_retention_days between 0 and 3650);
--> statement-breakpoint
-- Hand-written from here on: drizzle has no word for triggers.
CREATE TRIGGER feedback_fill_workspace_id BEFORE INSERT ON feedback
  FOR EACH ROW EXECUTE FUNCTION fill_workspace_id();
--> statement-breakpoint
-- Starts a fine-tune once the project has as many corrections, since its last one began, as its owner wants. Not
-- while another is open: that one's end asks again. Not below three annotated images either, where every
-- fine-tune fails (fewestAnnotatedImages in lib/hyperparameters.ts).
CREATE FUNCTION fine_tune_after_corrections(project text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wanted integer;
  since timestamptz;
  corrections integer;
  job text;
BEGIN
  SELECT p.fine_tune_after_corrections INTO wanted FROM projects p WHERE id = project;
  IF wanted IS NULL THEN RETURN; END IF;
  -- Two corrections that come at once would not see each other; the later one waits for the other's commit here.
  PERFORM pg_advisory_xact_lock(hashtextextended('corrections:' || project, 0));
  IF EXISTS (SELECT FROM fine_tunes
             WHERE project_id = project AND status IN ('queued', 'preparing', 'running', 'evaluating')) THEN
    RETURN;
  END IF;
  SELECT max(coalesce(started_at, created_at)) INTO since FROM fine_tunes WHERE project_id = project;
  SELECT count(*) INTO corrections FROM feedback
    WHERE project_id = project AND action = 'correct' AND created_at > coalesce(since, '-infinity');
  IF corrections < wanted THEN RETURN; END IF;
  IF (SELECT count(DISTINCT image_id) FROM annotations WHERE project_id = project) < 3 THEN RETURN; END IF;
  INSERT INTO fine_tunes (project_id, cause) VALUES (project, 'corrections') RETURNING id INTO job;
  INSERT INTO fine_tune_events (workspace_id, fine_tune_id, level, type, message, data)
    SELECT workspace_id, job, 'info', 'message', 'Started by ' || corrections || ' new corrections',
      jsonb_build_object('corrections', corrections)
    FROM projects WHERE id = project;
END $$;
--> statement-breakpoint
CREATE FUNCTION ask_after_corrections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM fine_tune_after_corrections(NEW.project_id);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION ask_after_setting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM fine_tune_after_corrections(NEW.id);
  RETURN NULL;
END $$;
--> statement-breakpoint
-- Named to come after the checks of the foreign keys, which take the project's lock first.
CREATE TRIGGER feedback_starts_fine_tune AFTER INSERT ON feedback
  FOR EACH ROW WHEN (NEW.action = 'correct') EXECUTE FUNCTION ask_after_corrections();
--> statement-breakpoint
-- Not after a cancel: who has just cancelled does not want the next one at once.
CREATE TRIGGER fine_tunes_end_asks_corrections AFTER UPDATE OF status ON fine_tunes
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status AND NEW.status IN ('succeeded', 'failed'))
  EXECUTE FUNCTION ask_after_corrections();
--> statement-breakpoint
CREATE TRIGGER projects_setting_asks_corrections AFTER UPDATE OF fine_tune_after_corrections ON projects
  FOR EACH ROW WHEN (OLD.fine_tune_after_corrections IS DISTINCT FROM NEW.fine_tune_after_corrections)
  EXECUTE FUNCTION ask_after_setting();
