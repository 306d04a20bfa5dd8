DROP INDEX "feedback_prediction_key";--> statement-breakpoint
CREATE UNIQUE INDEX "feedback_mask_key" ON "feedback" USING btree ("project_id","prediction_id","prompt_index","version","mask_index");