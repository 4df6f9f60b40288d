-- The audit is append-only.
CREATE TRIGGER `events_refuse_update` BEFORE UPDATE ON `events`
BEGIN
	SELECT RAISE(ABORT, 'events are append-only');
END;
--> statement-breakpoint
CREATE TRIGGER `events_refuse_delete` BEFORE DELETE ON `events`
BEGIN
	SELECT RAISE(ABORT, 'events are append-only');
END;
--> statement-breakpoint
-- INSERT OR REPLACE deletes without the trigger above.
CREATE TRIGGER `events_refuse_replace` BEFORE INSERT ON `events`
WHEN EXISTS (SELECT 1 FROM `events` WHERE `seq` = NEW.`seq` OR `id` = NEW.`id`)
BEGIN
	SELECT RAISE(ABORT, 'events are append-only');
END;
--> statement-breakpoint
-- Nothing is shared across accounts, roles least of all.
CREATE TRIGGER `user_roles_of_one_account` BEFORE INSERT ON `user_roles`
WHEN (SELECT `account_id` FROM `users` WHERE `id` = NEW.`user_id`)
	IS NOT (SELECT `account_id` FROM `roles` WHERE `id` = NEW.`role_id`)
BEGIN
	SELECT RAISE(ABORT, 'a role of another account');
END;
--> statement-breakpoint
CREATE TRIGGER `user_roles_refuse_update` BEFORE UPDATE ON `user_roles`
BEGIN
	SELECT RAISE(ABORT, 'a grant is made anew, never changed');
END;
--> statement-breakpoint
-- A user, and a role, stays in its account.
CREATE TRIGGER `users_stay` BEFORE UPDATE OF `account_id`, `username`, `username_key` ON `users`
WHEN NEW.`account_id` IS NOT OLD.`account_id` OR NEW.`username` IS NOT OLD.`username`
	OR NEW.`username_key` IS NOT OLD.`username_key`
BEGIN
	SELECT RAISE(ABORT, 'account and username never change');
END;
--> statement-breakpoint
CREATE TRIGGER `roles_stay` BEFORE UPDATE OF `account_id`, `predefined` ON `roles`
WHEN NEW.`account_id` IS NOT OLD.`account_id` OR NEW.`predefined` IS NOT OLD.`predefined`
BEGIN
	SELECT RAISE(ABORT, 'account and kind of a role never change');
END;
--> statement-breakpoint
CREATE TRIGGER `users_epoch_grows` BEFORE UPDATE OF `credential_epoch` ON `users`
WHEN NEW.`credential_epoch` < OLD.`credential_epoch`
BEGIN
	SELECT RAISE(ABORT, 'the credential epoch never shrinks');
END;
