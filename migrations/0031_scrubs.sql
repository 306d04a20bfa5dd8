CREATE TABLE "scrubs" (
	"name" text PRIMARY KEY NOT NULL,
	"held_until" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"checked" integer DEFAULT 0 NOT NULL,
	"lost" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "scrubs_counts_check" CHECK (checked >= 0 and lost between 0 and checked)
);
