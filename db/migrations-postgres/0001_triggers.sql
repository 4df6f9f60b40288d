CREATE FUNCTION "sallyport_refuse"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;
--> statement-breakpoint
-- The audit is append-only.
CREATE TRIGGER "events_refuse_update" BEFORE UPDATE ON "events"
	FOR EACH ROW EXECUTE FUNCTION "sallyport_refuse"('events are append-only');
--> statement-breakpoint
CREATE TRIGGER "events_refuse_delete" BEFORE DELETE ON "events"
	FOR EACH ROW EXECUTE FUNCTION "sallyport_refuse"('events are append-only');
--> statement-breakpoint
-- TRUNCATE deletes without the trigger above.
CREATE TRIGGER "events_refuse_truncate" BEFORE TRUNCATE ON "events"
	FOR EACH STATEMENT EXECUTE FUNCTION "sallyport_refuse"('events are append-only');
--> statement-breakpoint
-- Nothing is shared across accounts, roles least of all.
CREATE FUNCTION "sallyport_of_one_account"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF (SELECT "account_id" FROM "users" WHERE "id" = NEW."user_id")
		IS DISTINCT FROM (SELECT "account_id" FROM "roles" WHERE "id" = NEW."role_id") THEN
		RAISE EXCEPTION 'a role of another account' USING ERRCODE = 'integrity_constraint_violation';
	END IF;
	RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER "user_roles_of_one_account" BEFORE INSERT ON "user_roles"
	FOR EACH ROW EXECUTE FUNCTION "sallyport_of_one_account"();
--> statement-breakpoint
CREATE TRIGGER "user_roles_refuse_update" BEFORE UPDATE ON "user_roles"
	FOR EACH ROW EXECUTE FUNCTION "sallyport_refuse"('a grant is made anew, never changed');
--> statement-breakpoint
-- A user, and a role, stays in its account.
CREATE TRIGGER "users_stay" BEFORE UPDATE OF "account_id", "username", "username_key" ON "users"
	FOR EACH ROW WHEN (NEW."account_id" IS DISTINCT FROM OLD."account_id"
		OR NEW."username" IS DISTINCT FROM OLD."username"
		OR NEW."username_key" IS DISTINCT FROM OLD."username_key")
	EXECUTE FUNCTION "sallyport_refuse"('account and username never change');
--> statement-breakpoint
CREATE TRIGGER "roles_stay" BEFORE UPDATE OF "account_id", "predefined" ON "roles"
	FOR EACH ROW WHEN (NEW."account_id" IS DISTINCT FROM OLD."account_id"
		OR NEW."predefined" IS DISTINCT FROM OLD."predefined")
	EXECUTE FUNCTION "sallyport_refuse"('account and kind of a role never change');
--> statement-breakpoint
CREATE TRIGGER "users_epoch_grows" BEFORE UPDATE OF "credential_epoch" ON "users"
	FOR EACH ROW WHEN (NEW."credential_epoch" < OLD."credential_epoch")
	EXECUTE FUNCTION "sallyport_refuse"('the credential epoch never shrinks');
