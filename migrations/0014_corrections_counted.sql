ALTER TABLE "feedback" ADD COLUMN "counted" boolean DEFAULT false NOT NULL;--> statement-breakpoint
-- Those that an earlier release has counted already: of before the project's last fine-tune began.
UPDATE feedback SET counted = true FROM (
  SELECT project_id, max(coalesce(started_at, created_at)) AS since FROM fine_tunes GROUP BY project_id
) last WHERE feedback.project_id = last.project_id AND feedback.action = 'correct' AND feedback.created_at <= last.since;
--> statement-breakpoint
CREATE INDEX "feedback_uncounted_idx" ON "feedback" USING btree ("project_id") WHERE action = 'correct' and not counted;
--> statement-breakpoint
-- Which corrections are new is a mark on them, not a comparison of times: one made within the millisecond in which a
-- fine-tune begins, or committed after that by a transaction from before it, would count for none.
CREATE OR REPLACE FUNCTION fine_tune_after_corrections(project text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  wanted integer;
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
  SELECT count(*) INTO corrections FROM feedback
    WHERE project_id = project AND action = 'correct' AND NOT counted;
  IF corrections < wanted THEN RETURN; END IF;
  IF (SELECT count(DISTINCT image_id) FROM annotations WHERE project_id = project) < 3 THEN RETURN; END IF;
  INSERT INTO fine_tunes (project_id, cause) VALUES (project, 'corrections') RETURNING id INTO job;
  INSERT INTO fine_tune_events (workspace_id, fine_tune_id, level, type, message, data)
    SELECT workspace_id, job, 'info', 'message', 'Started by ' || corrections || ' new corrections',
      jsonb_build_object('corrections', corrections)
    FROM projects WHERE id = project;
END $$;
--> statement-breakpoint
CREATE FUNCTION count_corrections() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- What a correction under way has stored is committed before the run reads its data, and counts as its own.
  PERFORM pg_advisory_xact_lock(hashtextextended('corrections:' || NEW.project_id, 0));
  UPDATE feedback SET counted = true WHERE project_id = NEW.project_id AND action = 'correct' AND NOT counted;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER fine_tunes_count_corrections AFTER INSERT ON fine_tunes
  FOR EACH ROW EXECUTE FUNCTION count_corrections();
--> statement-breakpoint
-- Those that came while it was queued are trained on as well.
CREATE TRIGGER fine_tunes_begin_counts_corrections AFTER UPDATE OF started_at ON fine_tunes
  FOR EACH ROW WHEN (OLD.started_at IS DISTINCT FROM NEW.started_at) EXECUTE FUNCTION count_corrections();
