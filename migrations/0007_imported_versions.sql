ALTER TABLE "versions" ALTER COLUMN "fine_tune_id" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "versions" ALTER COLUMN "snapshot_hash" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "versions" ALTER COLUMN "snapshot_key" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "versions" ALTER COLUMN "seed" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "versions" ALTER COLUMN "engine" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "versions" ALTER COLUMN "metrics" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "versions" ADD COLUMN "imported" jsonb;--> statement-breakpoint
ALTER TABLE "versions" ADD CONSTRAINT "versions_origin_check" CHECK (case when imported is null
        then num_nulls(fine_tune_id, snapshot_hash, snapshot_key, seed, engine, metrics) = 0
        else num_nonnulls(fine_tune_id, snapshot_hash, snapshot_key, seed, engine, metrics) = 0 end);