CREATE TABLE "monthly_usage" (
	"workspace_id" text NOT NULL,
	"month" date NOT NULL,
	"predictions" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "monthly_usage_workspace_id_month_pk" PRIMARY KEY("workspace_id","month"),
	CONSTRAINT "monthly_usage_check" CHECK (predictions >= 0)
);
--> statement-breakpoint
ALTER TABLE "monthly_usage" ADD CONSTRAINT "monthly_usage_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
-- Months of before are counted by what their log still has.
INSERT INTO "monthly_usage" ("workspace_id", "month", "predictions")
SELECT p."workspace_id", date_trunc('month', p."created_at" AT TIME ZONE 'utc')::date, count(*)
FROM "predictions" p JOIN "workspaces" w ON w."id" = p."workspace_id"
GROUP BY 1, 2;
