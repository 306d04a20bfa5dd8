ALTER TABLE "images" ADD COLUMN "complete" boolean;--> statement-breakpoint
ALTER TABLE "images" ADD COLUMN "complete_asked" boolean DEFAULT false NOT NULL;