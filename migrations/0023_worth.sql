CREATE TABLE "finder_doubts" (
	"workspace_id" text NOT NULL,
	"finder_sha256" text NOT NULL,
	"image_sha256" text NOT NULL,
	"doubt" double precision NOT NULL,
	CONSTRAINT "finder_doubts_workspace_id_finder_sha256_image_sha256_pk" PRIMARY KEY("workspace_id","finder_sha256","image_sha256"),
	CONSTRAINT "finder_doubts_doubt_check" CHECK (doubt >= 0)
);
--> statement-breakpoint
CREATE TABLE "image_vectors" (
	"workspace_id" text NOT NULL,
	"embedding_id" text NOT NULL,
	"image_sha256" text NOT NULL,
	"vector" "bytea" NOT NULL,
	CONSTRAINT "image_vectors_workspace_id_embedding_id_image_sha256_pk" PRIMARY KEY("workspace_id","embedding_id","image_sha256")
);
--> statement-breakpoint
ALTER TABLE "finder_doubts" ADD CONSTRAINT "finder_doubts_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "image_vectors" ADD CONSTRAINT "image_vectors_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "finder_doubts_image_idx" ON "finder_doubts" USING btree ("workspace_id","image_sha256");