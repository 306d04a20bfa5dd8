CREATE TABLE "base_model_signatures" (
	"name" text PRIMARY KEY NOT NULL,
	"signature" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "scrubs" ADD COLUMN "lease_token" uuid;