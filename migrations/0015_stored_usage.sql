CREATE TABLE "stored_embeddings" (
	"object_key" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"image_sha256" text NOT NULL,
	"bytes" integer NOT NULL,
	"used_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "stored_embeddings_bytes_check" CHECK (bytes > 0)
);
--> statement-breakpoint
CREATE TABLE "training_usage" (
	"workspace_id" text NOT NULL,
	"month" date NOT NULL,
	"seconds" double precision DEFAULT 0 NOT NULL,
	CONSTRAINT "training_usage_workspace_id_month_pk" PRIMARY KEY("workspace_id","month")
);
--> statement-breakpoint
CREATE TABLE "workspace_usage" (
	"workspace_id" text PRIMARY KEY NOT NULL,
	"images" bigint DEFAULT 0 NOT NULL,
	"image_bytes" bigint DEFAULT 0 NOT NULL,
	"version_bytes" bigint DEFAULT 0 NOT NULL,
	"import_bytes" bigint DEFAULT 0 NOT NULL,
	"upload_bytes" bigint DEFAULT 0 NOT NULL,
	"embedding_bytes" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "workspace_usage_changes" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"images" bigint DEFAULT 0 NOT NULL,
	"image_bytes" bigint DEFAULT 0 NOT NULL,
	"version_bytes" bigint DEFAULT 0 NOT NULL,
	"import_bytes" bigint DEFAULT 0 NOT NULL,
	"upload_bytes" bigint DEFAULT 0 NOT NULL,
	"embedding_bytes" bigint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
ALTER TABLE "fine_tune_previews" ADD COLUMN "doing" text;--> statement-breakpoint
ALTER TABLE "fine_tunes" ADD COLUMN "doing" text;--> statement-breakpoint
ALTER TABLE "imports" ADD COLUMN "doing" text;--> statement-breakpoint
ALTER TABLE "uploads" ADD COLUMN "swept_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "stored_embeddings" ADD CONSTRAINT "stored_embeddings_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "training_usage" ADD CONSTRAINT "training_usage_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "workspace_usage" ADD CONSTRAINT "workspace_usage_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "stored_embeddings_age_idx" ON "stored_embeddings" USING btree ("workspace_id","used_at","object_key");--> statement-breakpoint
CREATE INDEX "stored_embeddings_image_idx" ON "stored_embeddings" USING btree ("workspace_id","image_sha256");--> statement-breakpoint
CREATE INDEX "fine_tune_previews_workspace_open_idx" ON "fine_tune_previews" USING btree ("workspace_id") WHERE status in ('queued', 'running');--> statement-breakpoint
CREATE INDEX "fine_tunes_workspace_open_idx" ON "fine_tunes" USING btree ("workspace_id") WHERE status in ('queued', 'preparing', 'running', 'evaluating');--> statement-breakpoint
CREATE INDEX "uploads_unswept_idx" ON "uploads" USING btree ("expires_at") WHERE swept_at is null;--> statement-breakpoint
-- Hand-written from here on: drizzle has no word for triggers.
-- What a statement adds or takes is noted at once and added up at the transaction's end, after all its other locks: two
-- that fill a workspace at once wait for each other there, and never while one holds what the other one needs.
CREATE FUNCTION apply_usage_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM workspace_usage_changes WHERE id = NEW.id;
  -- None where the workspace itself is being deleted.
  UPDATE workspace_usage SET images = images + NEW.images, image_bytes = image_bytes + NEW.image_bytes,
    version_bytes = version_bytes + NEW.version_bytes, import_bytes = import_bytes + NEW.import_bytes,
    upload_bytes = upload_bytes + NEW.upload_bytes, embedding_bytes = embedding_bytes + NEW.embedding_bytes
  WHERE workspace_id = NEW.workspace_id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER workspace_usage_changes_apply AFTER INSERT ON workspace_usage_changes
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION apply_usage_change();
--> statement-breakpoint
CREATE FUNCTION begin_workspace_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO workspace_usage (workspace_id) VALUES (NEW.id);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER workspaces_begin_usage AFTER INSERT ON workspaces
  FOR EACH ROW EXECUTE FUNCTION begin_workspace_usage();
--> statement-breakpoint
-- An import writes a thousand images in a statement: they are one change. The argument is the sign.
CREATE FUNCTION count_images() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO workspace_usage_changes (workspace_id, images, image_bytes)
    SELECT workspace_id, TG_ARGV[0]::bigint * count(*), TG_ARGV[0]::bigint * sum(bytes)
    FROM changed GROUP BY workspace_id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER images_count_added AFTER INSERT ON images REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_images('1');
--> statement-breakpoint
CREATE TRIGGER images_count_removed AFTER DELETE ON images REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_images('-1');
--> statement-breakpoint
CREATE FUNCTION count_embeddings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO workspace_usage_changes (workspace_id, embedding_bytes)
    SELECT workspace_id, TG_ARGV[0]::bigint * sum(bytes) FROM changed GROUP BY workspace_id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER stored_embeddings_count_added AFTER INSERT ON stored_embeddings REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_embeddings('1');
--> statement-breakpoint
CREATE TRIGGER stored_embeddings_count_removed AFTER DELETE ON stored_embeddings REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_embeddings('-1');
--> statement-breakpoint
CREATE FUNCTION count_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO workspace_usage_changes (workspace_id, version_bytes)
    SELECT workspace_id, TG_ARGV[0]::bigint * sum(weights_bytes)
    FROM changed WHERE imported IS NOT NULL GROUP BY workspace_id;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER versions_count_added AFTER INSERT ON versions REFERENCING NEW TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_versions('1');
--> statement-breakpoint
CREATE TRIGGER versions_count_removed AFTER DELETE ON versions REFERENCING OLD TABLE AS changed
  FOR EACH STATEMENT EXECUTE FUNCTION count_versions('-1');
--> statement-breakpoint
-- A zip is there from the import's insert to its end, what is announced for a link until it is completed or swept.
CREATE FUNCTION count_import() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before bigint := CASE WHEN TG_OP <> 'INSERT' AND OLD.status IN ('queued', 'running') THEN OLD.bytes ELSE 0 END;
  later bigint := CASE WHEN TG_OP <> 'DELETE' AND NEW.status IN ('queued', 'running') THEN NEW.bytes ELSE 0 END;
BEGIN
  IF later <> before THEN
    INSERT INTO workspace_usage_changes (workspace_id, import_bytes)
      VALUES (CASE WHEN TG_OP = 'DELETE' THEN OLD.workspace_id ELSE NEW.workspace_id END, later - before);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER imports_count AFTER INSERT OR UPDATE OF status OR DELETE ON imports
  FOR EACH ROW EXECUTE FUNCTION count_import();
--> statement-breakpoint
CREATE FUNCTION count_upload() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  before bigint := CASE WHEN TG_OP <> 'INSERT' AND OLD.completed_at IS NULL THEN OLD.bytes ELSE 0 END;
  later bigint := CASE WHEN TG_OP <> 'DELETE' AND NEW.completed_at IS NULL THEN NEW.bytes ELSE 0 END;
BEGIN
  IF later <> before THEN
    INSERT INTO workspace_usage_changes (workspace_id, upload_bytes)
      VALUES (CASE WHEN TG_OP = 'DELETE' THEN OLD.workspace_id ELSE NEW.workspace_id END, later - before);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER uploads_count AFTER INSERT OR UPDATE OF completed_at OR DELETE ON uploads
  FOR EACH ROW EXECUTE FUNCTION count_upload();
--> statement-breakpoint
-- Adds it all up anew: for rows of before this migration, and for those of a backup.
CREATE FUNCTION recount_workspace_usage() RETURNS void LANGUAGE sql AS $$
  DELETE FROM workspace_usage_changes;
  INSERT INTO workspace_usage (workspace_id, images, image_bytes, version_bytes, import_bytes, upload_bytes, embedding_bytes)
  SELECT w.id, i.n, i.bytes,
    (SELECT coalesce(sum(weights_bytes), 0) FROM versions v JOIN projects p ON p.id = v.project_id
      WHERE p.workspace_id = w.id AND v.imported IS NOT NULL),
    (SELECT coalesce(sum(bytes), 0) FROM imports WHERE workspace_id = w.id AND status IN ('queued', 'running')),
    (SELECT coalesce(sum(bytes), 0) FROM uploads WHERE workspace_id = w.id AND completed_at IS NULL),
    (SELECT coalesce(sum(bytes), 0) FROM stored_embeddings WHERE workspace_id = w.id)
  FROM workspaces w CROSS JOIN LATERAL (
    SELECT count(*) AS n, coalesce(sum(bytes), 0) AS bytes FROM images WHERE workspace_id = w.id) i
  ON CONFLICT (workspace_id) DO UPDATE SET images = excluded.images, image_bytes = excluded.image_bytes,
    version_bytes = excluded.version_bytes, import_bytes = excluded.import_bytes,
    upload_bytes = excluded.upload_bytes, embedding_bytes = excluded.embedding_bytes
$$;
--> statement-breakpoint
SELECT recount_workspace_usage();
--> statement-breakpoint
-- Seconds of a run, by the months that it ran in; what a deleted project has used stays used.
CREATE FUNCTION add_training_seconds(workspace text, began timestamptz, ended timestamptz, sign int) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO training_usage (workspace_id, month, seconds)
  SELECT workspace, m.start::date, sign * extract(epoch FROM
    least(ended, (m.start + interval '1 month') AT TIME ZONE 'utc') - greatest(began, m.start AT TIME ZONE 'utc'))
  FROM generate_series(date_trunc('month', began AT TIME ZONE 'utc'), ended AT TIME ZONE 'utc', interval '1 month') AS m(start)
  WHERE EXISTS (SELECT FROM workspaces WHERE id = workspace)
  ON CONFLICT (workspace_id, month) DO UPDATE SET seconds = training_usage.seconds + excluded.seconds
$$;
--> statement-breakpoint
CREATE FUNCTION count_training() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- One that was set back by hand and ends again counts from its first start to its last end.
  IF TG_OP = 'UPDATE' AND OLD.started_at IS NOT NULL AND OLD.finished_at IS NOT NULL THEN
    PERFORM add_training_seconds(OLD.workspace_id, OLD.started_at, OLD.finished_at, -1);
  END IF;
  IF NEW.started_at IS NOT NULL AND NEW.finished_at IS NOT NULL THEN
    PERFORM add_training_seconds(NEW.workspace_id, NEW.started_at, NEW.finished_at, 1);
  END IF;
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER fine_tunes_count_training AFTER INSERT OR UPDATE OF started_at, finished_at ON fine_tunes
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_training();
--> statement-breakpoint
CREATE CONSTRAINT TRIGGER fine_tune_previews_count_training
  AFTER INSERT OR UPDATE OF started_at, finished_at ON fine_tune_previews
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION count_training();
--> statement-breakpoint
-- For rows of before this migration, and of backups from before it.
CREATE FUNCTION recount_training_usage() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM training_usage;
  PERFORM add_training_seconds(workspace_id, started_at, finished_at, 1) FROM (
    SELECT workspace_id, started_at, finished_at FROM fine_tunes
    UNION ALL SELECT workspace_id, started_at, finished_at FROM fine_tune_previews) runs
  WHERE started_at IS NOT NULL AND finished_at IS NOT NULL;
END $$;
--> statement-breakpoint
SELECT recount_training_usage();
