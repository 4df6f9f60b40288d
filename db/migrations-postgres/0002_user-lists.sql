DROP INDEX "users_by_last_sign_in";--> statement-breakpoint
CREATE INDEX "users_by_email" ON "users" USING btree ("account_id",coalesce(email_key, ''),"id");--> statement-breakpoint
CREATE INDEX "users_by_creation" ON "users" USING btree ("account_id","created_at","id");--> statement-breakpoint
CREATE INDEX "users_by_last_sign_in" ON "users" USING btree ("account_id",coalesce(last_sign_in_at, 0),"id");--> statement-breakpoint
-- Any part is found by its trigrams, where the extension may be made; elsewhere the table is read.
DO $$ BEGIN
	CREATE EXTENSION IF NOT EXISTS pg_trgm;
	EXECUTE 'CREATE INDEX "users_search" ON "users" USING gin
		(("username_key" || chr(10) || "name_key" || chr(10) || coalesce("email_key", '''')) gin_trgm_ops)';
EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
	RAISE NOTICE 'pg_trgm is not available: a search of users reads the table';
END $$;
