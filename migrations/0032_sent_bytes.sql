ALTER TABLE "imports" DROP CONSTRAINT "imports_bytes_check";--> statement-breakpoint
ALTER TABLE "imports" ADD CONSTRAINT "imports_bytes_check" CHECK (bytes > 0 or (bytes = 0 and options ? 'bucket'));