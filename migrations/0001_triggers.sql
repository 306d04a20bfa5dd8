-- What the tables do by themselves. Hand-written: drizzle has no word for triggers.

-- A row of a project belongs to the project's workspace, so an INSERT in psql need not name it.
CREATE FUNCTION fill_workspace_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT workspace_id INTO NEW.workspace_id FROM projects WHERE id = NEW.project_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'project % does not exist', NEW.project_id USING ERRCODE = 'foreign_key_violation';
  END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER fine_tunes_fill_workspace_id BEFORE INSERT ON fine_tunes
  FOR EACH ROW EXECUTE FUNCTION fill_workspace_id();
--> statement-breakpoint
CREATE TRIGGER imports_fill_workspace_id BEFORE INSERT ON imports
  FOR EACH ROW EXECUTE FUNCTION fill_workspace_id();
--> statement-breakpoint
-- A notification is sent at COMMIT, with the row; the channel is the trigger's argument.
CREATE FUNCTION notify_id() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify(TG_ARGV[0], NEW.id);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE FUNCTION notify_fine_tune_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('maskwright_fine_tune_events', NEW.fine_tune_id);
  RETURN NULL;
END $$;
--> statement-breakpoint
CREATE TRIGGER fine_tunes_notify_queued AFTER INSERT OR UPDATE OF status ON fine_tunes
  FOR EACH ROW WHEN (NEW.status = 'queued') EXECUTE FUNCTION notify_id('maskwright_fine_tunes');
--> statement-breakpoint
CREATE TRIGGER fine_tunes_notify_changed AFTER UPDATE OF status ON fine_tunes
  FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION notify_id('maskwright_fine_tune_changed');
--> statement-breakpoint
CREATE TRIGGER fine_tune_events_notify AFTER INSERT ON fine_tune_events
  FOR EACH ROW EXECUTE FUNCTION notify_fine_tune_event();
--> statement-breakpoint
CREATE TRIGGER imports_notify_queued AFTER INSERT OR UPDATE OF status ON imports
  FOR EACH ROW WHEN (NEW.status = 'queued') EXECUTE FUNCTION notify_id('maskwright_imports');
--> statement-breakpoint
-- What a project serves, and what a fine-tune starts from, are versions that exist. Here and not in the schema
-- files, because projects and versions point at each other.
ALTER TABLE projects ADD CONSTRAINT projects_active_version_fk
  FOREIGN KEY (id, active_version) REFERENCES versions (project_id, number);
--> statement-breakpoint
ALTER TABLE fine_tunes ADD CONSTRAINT fine_tunes_base_version_fk
  FOREIGN KEY (project_id, base_version) REFERENCES versions (project_id, number);
