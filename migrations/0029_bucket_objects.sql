CREATE TABLE "bucket_objects" (
	"workspace_id" text NOT NULL,
	"project_id" text NOT NULL,
	"bucket" text NOT NULL,
	"key" text NOT NULL,
	"etag" text NOT NULL,
	"bytes" bigint NOT NULL,
	"image_sha256" text,
	CONSTRAINT "bucket_objects_project_id_bucket_key_pk" PRIMARY KEY("project_id","bucket","key")
);
--> statement-breakpoint
ALTER TABLE "imports" DROP CONSTRAINT "imports_bytes_check";--> statement-breakpoint
ALTER TABLE "bucket_objects" ADD CONSTRAINT "bucket_objects_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_bytes_check" CHECK (bytes >= 0);
--> statement-breakpoint
CREATE STATISTICS bucket_objects_scope_stats (dependencies) ON workspace_id, project_id FROM bucket_objects;
