ALTER TABLE "fine_tunes" ADD COLUMN "checkpoint_key" text;--> statement-breakpoint
ALTER TABLE "fine_tunes" ADD COLUMN "stop_requested_at" timestamp (3) with time zone;