-- A project is of one workspace, and every query names both. Where the planner takes them for independent, it expects a
-- handful of a large project's rows and reads all of them, sorted, instead of a page from the index.
CREATE STATISTICS annotations_scope_stats (dependencies) ON workspace_id, project_id FROM annotations;
--> statement-breakpoint
CREATE STATISTICS auto_labels_scope_stats (dependencies) ON workspace_id, project_id FROM auto_labels;
--> statement-breakpoint
CREATE STATISTICS feedback_scope_stats (dependencies) ON workspace_id, project_id FROM feedback;
--> statement-breakpoint
CREATE STATISTICS fine_tune_previews_scope_stats (dependencies) ON workspace_id, project_id FROM fine_tune_previews;
--> statement-breakpoint
CREATE STATISTICS fine_tunes_scope_stats (dependencies) ON workspace_id, project_id FROM fine_tunes;
--> statement-breakpoint
CREATE STATISTICS images_scope_stats (dependencies) ON workspace_id, project_id FROM images;
--> statement-breakpoint
CREATE STATISTICS imports_scope_stats (dependencies) ON workspace_id, project_id FROM imports;
--> statement-breakpoint
CREATE STATISTICS predictions_scope_stats (dependencies) ON workspace_id, project_id FROM predictions;
--> statement-breakpoint
CREATE STATISTICS promotions_scope_stats (dependencies) ON workspace_id, project_id FROM promotions;
--> statement-breakpoint
CREATE STATISTICS proposals_scope_stats (dependencies) ON workspace_id, project_id FROM proposals;
--> statement-breakpoint
CREATE STATISTICS uploads_scope_stats (dependencies) ON workspace_id, project_id FROM uploads;
--> statement-breakpoint
CREATE STATISTICS versions_scope_stats (dependencies) ON workspace_id, project_id FROM versions;
--> statement-breakpoint
ANALYZE annotations, auto_labels, feedback, fine_tune_previews, fine_tunes, images, imports, predictions, promotions, proposals, uploads, versions;
