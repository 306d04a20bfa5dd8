ALTER TABLE "annotations" ADD COLUMN "origin" text;--> statement-breakpoint
CREATE INDEX "annotations_origin_idx" ON "annotations" USING btree ("project_id","origin") WHERE origin is not null;