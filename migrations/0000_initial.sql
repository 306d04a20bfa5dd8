CREATE TABLE "annotations" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"image_id" text NOT NULL,
	"counts" text NOT NULL,
	"area" integer NOT NULL,
	"box" jsonb NOT NULL,
	"label" text,
	"source" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "annotations_area_check" CHECK (area > 0),
	CONSTRAINT "annotations_box_check" CHECK (jsonb_typeof(box) = 'array' and jsonb_array_length(box) = 4),
	CONSTRAINT "annotations_source_check" CHECK (source in ('api', 'import'))
);
--> statement-breakpoint
CREATE TABLE "api_keys" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"hint" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_used_at" timestamp (3) with time zone,
	"revoked_at" timestamp (3) with time zone,
	CONSTRAINT "api_keys_hash_unique" UNIQUE("hash")
);
--> statement-breakpoint
CREATE TABLE "fine_tune_events" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "fine_tune_events_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"workspace_id" text NOT NULL,
	"fine_tune_id" text NOT NULL,
	"level" text NOT NULL,
	"type" text NOT NULL,
	"message" text NOT NULL,
	"data" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "fine_tune_events_level_check" CHECK (level in ('info', 'warn', 'error')),
	CONSTRAINT "fine_tune_events_type_check" CHECK (type in ('message', 'metrics'))
);
--> statement-breakpoint
CREATE TABLE "fine_tunes" (
	"id" text PRIMARY KEY DEFAULT 'ft_' || replace(gen_random_uuid()::text, '-', '') NOT NULL,
	"workspace_id" text DEFAULT '' NOT NULL,
	"project_id" text NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"hyperparameters" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"base_version" integer,
	"seed" integer DEFAULT 0 NOT NULL,
	"progress" jsonb,
	"snapshot_hash" text,
	"engine" text,
	"result_version" integer,
	"error" jsonb,
	"lease_token" uuid,
	"lease_holder" text,
	"attempt" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "fine_tunes_workspace_check" CHECK (workspace_id <> ''),
	CONSTRAINT "fine_tunes_status_check" CHECK (status in ('queued', 'preparing', 'running', 'evaluating', 'succeeded', 'failed', 'cancelled')),
	CONSTRAINT "fine_tunes_hyperparameters_check" CHECK (jsonb_typeof(hyperparameters) = 'object'),
	CONSTRAINT "fine_tunes_base_version_check" CHECK (base_version >= 1),
	CONSTRAINT "fine_tunes_seed_check" CHECK (seed >= 0),
	CONSTRAINT "fine_tunes_attempt_check" CHECK (attempt >= 0)
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"workspace_id" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"status" integer,
	"body" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_workspace_id_key_pk" PRIMARY KEY("workspace_id","key")
);
--> statement-breakpoint
CREATE TABLE "images" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"sha256" text NOT NULL,
	"object_key" text NOT NULL,
	"bytes" integer NOT NULL,
	"format" text NOT NULL,
	"width" integer NOT NULL,
	"height" integer NOT NULL,
	"file_name" text,
	"split_group" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "images_sha256_check" CHECK (sha256 ~ '^[0-9a-f]{64}$'),
	CONSTRAINT "images_size_check" CHECK (width > 0 and height > 0 and bytes > 0)
);
--> statement-breakpoint
CREATE TABLE "imports" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"status" text DEFAULT 'queued' NOT NULL,
	"object_key" text NOT NULL,
	"bytes" bigint NOT NULL,
	"file_name" text,
	"layout" text,
	"images_total" integer,
	"images_done" integer DEFAULT 0 NOT NULL,
	"images_created" integer,
	"annotations_created" integer,
	"error" jsonb,
	"lease_token" uuid,
	"attempt" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "imports_status_check" CHECK (status in ('queued', 'running', 'succeeded', 'failed')),
	CONSTRAINT "imports_bytes_check" CHECK (bytes > 0),
	CONSTRAINT "imports_images_done_check" CHECK (images_done >= 0),
	CONSTRAINT "imports_attempt_check" CHECK (attempt >= 0)
);
--> statement-breakpoint
CREATE TABLE "predictions" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"image_sha256" text NOT NULL,
	"versions" jsonb NOT NULL,
	"prompts" integer NOT NULL,
	"timing_ms" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "projects" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"name" text NOT NULL,
	"base_model" text DEFAULT 'mobile_sam' NOT NULL,
	"active_version" integer,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "promotions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "promotions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"kind" text NOT NULL,
	"from_version" integer,
	"to_version" integer,
	"actor" text NOT NULL,
	"reason" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "promotions_kind_check" CHECK (kind in ('promote', 'rollback', 'auto'))
);
--> statement-breakpoint
CREATE TABLE "versions" (
	"id" text PRIMARY KEY NOT NULL,
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"number" integer NOT NULL,
	"fine_tune_id" text NOT NULL,
	"base_model" text NOT NULL,
	"parent_version" integer,
	"weights_key" text NOT NULL,
	"weights_sha256" text NOT NULL,
	"weights_bytes" bigint NOT NULL,
	"snapshot_hash" text NOT NULL,
	"snapshot_key" text NOT NULL,
	"hyperparameters" jsonb NOT NULL,
	"seed" integer NOT NULL,
	"engine" text NOT NULL,
	"metrics" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "versions_number_check" CHECK (number >= 1),
	CONSTRAINT "versions_weights_check" CHECK (weights_sha256 ~ '^[0-9a-f]{64}$' and weights_bytes > 0)
);
--> statement-breakpoint
CREATE TABLE "workspaces" (
	"id" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "annotations" ADD CONSTRAINT "annotations_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "annotations" ADD CONSTRAINT "annotations_image_id_images_id_fk" FOREIGN KEY ("image_id") REFERENCES "public"."images"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fine_tune_events" ADD CONSTRAINT "fine_tune_events_fine_tune_id_fine_tunes_id_fk" FOREIGN KEY ("fine_tune_id") REFERENCES "public"."fine_tunes"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "fine_tunes" ADD CONSTRAINT "fine_tunes_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD CONSTRAINT "idempotency_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "images" ADD CONSTRAINT "images_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "predictions" ADD CONSTRAINT "predictions_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "projects" ADD CONSTRAINT "projects_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "promotions" ADD CONSTRAINT "promotions_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "versions" ADD CONSTRAINT "versions_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "versions" ADD CONSTRAINT "versions_fine_tune_id_fine_tunes_id_fk" FOREIGN KEY ("fine_tune_id") REFERENCES "public"."fine_tunes"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "annotations_project_idx" ON "annotations" USING btree ("project_id","created_at","id");--> statement-breakpoint
CREATE INDEX "annotations_image_idx" ON "annotations" USING btree ("image_id");--> statement-breakpoint
CREATE INDEX "api_keys_workspace_idx" ON "api_keys" USING btree ("workspace_id");--> statement-breakpoint
CREATE INDEX "fine_tune_events_job_idx" ON "fine_tune_events" USING btree ("fine_tune_id","id");--> statement-breakpoint
CREATE INDEX "fine_tunes_project_idx" ON "fine_tunes" USING btree ("project_id","created_at","id");--> statement-breakpoint
CREATE INDEX "fine_tunes_open_idx" ON "fine_tunes" USING btree ("created_at") WHERE status in ('queued', 'preparing', 'running', 'evaluating');--> statement-breakpoint
CREATE INDEX "idempotency_keys_created_idx" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "images_project_sha256_key" ON "images" USING btree ("project_id","sha256");--> statement-breakpoint
CREATE INDEX "images_project_idx" ON "images" USING btree ("project_id","created_at","id");--> statement-breakpoint
CREATE INDEX "imports_project_idx" ON "imports" USING btree ("project_id","created_at","id");--> statement-breakpoint
CREATE INDEX "imports_open_idx" ON "imports" USING btree ("created_at") WHERE status in ('queued', 'running');--> statement-breakpoint
CREATE INDEX "predictions_project_idx" ON "predictions" USING btree ("project_id","created_at");--> statement-breakpoint
CREATE INDEX "projects_workspace_idx" ON "projects" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
CREATE INDEX "promotions_project_idx" ON "promotions" USING btree ("project_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "versions_project_number_key" ON "versions" USING btree ("project_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "versions_fine_tune_key" ON "versions" USING btree ("fine_tune_id");