-- Row-level security, a second wall behind the scope of queries; see docs/adr/0034 and src/db/row-security.ts.
-- Whoever is not the API's role passes: the owner by itself, other logins by the second half of each policy. The planner
-- takes that half for nearly always true, so plans stay as they are; an equation of its own would count twice.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY[
    'annotations', 'api_keys', 'auto_labels', 'bucket_objects', 'feedback', 'fine_tune_events', 'fine_tune_previews',
    'fine_tunes', 'finder_doubts', 'idempotency_keys', 'image_vectors', 'images', 'imports', 'monthly_usage',
    'predictions', 'projects', 'promotions', 'proposals', 'stored_embeddings', 'training_usage', 'uploads', 'versions',
    'webhook_deliveries', 'webhooks', 'workspace_usage', 'workspace_usage_changes'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($policy$CREATE POLICY own_workspace ON %I
      USING (workspace_id = current_setting('maskwright.workspace', true) OR current_user <> 'maskwright_api')$policy$, name);
  END LOOP;
END $$;
--> statement-breakpoint
ALTER TABLE workspaces ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY own_workspace ON workspaces
  USING (id = current_setting('maskwright.workspace', true) OR current_user <> 'maskwright_api');
--> statement-breakpoint
-- Those of the keys that are seen.
ALTER TABLE sessions ENABLE ROW LEVEL SECURITY;
--> statement-breakpoint
CREATE POLICY own_workspace ON sessions
  USING (key_id IN (SELECT id FROM api_keys) OR current_user <> 'maskwright_api');
