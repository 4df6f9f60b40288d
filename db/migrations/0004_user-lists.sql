DROP INDEX `users_by_last_sign_in`;--> statement-breakpoint
CREATE INDEX `users_by_email` ON `users` (`account_id`,coalesce(email_key, ''),`id`);--> statement-breakpoint
CREATE INDEX `users_by_creation` ON `users` (`account_id`,`created_at`,`id`);--> statement-breakpoint
CREATE INDEX `users_by_last_sign_in` ON `users` (`account_id`,coalesce(last_sign_in_at, 0),`id`);--> statement-breakpoint
-- What is searched of a user, under a number that a VACUUM leaves alone, as FTS5 needs it.
CREATE TABLE `user_texts` (
	`id` integer PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL UNIQUE,
	`text` text NOT NULL
);
--> statement-breakpoint
-- Any part of three characters or more is found by its trigrams (SQLite FTS5 §4.3.4).
CREATE VIRTUAL TABLE `user_search` USING fts5(`text`, content='user_texts', content_rowid='id',
	columnsize=0, tokenize='trigram case_sensitive 1');
--> statement-breakpoint
CREATE TRIGGER `user_texts_insert` AFTER INSERT ON `user_texts`
BEGIN
	INSERT INTO `user_search` (`rowid`, `text`) VALUES (NEW.`id`, NEW.`text`);
END;
--> statement-breakpoint
CREATE TRIGGER `user_texts_update` AFTER UPDATE ON `user_texts`
BEGIN
	INSERT INTO `user_search` (`user_search`, `rowid`, `text`) VALUES ('delete', OLD.`id`, OLD.`text`);
	INSERT INTO `user_search` (`rowid`, `text`) VALUES (NEW.`id`, NEW.`text`);
END;
--> statement-breakpoint
CREATE TRIGGER `user_texts_delete` AFTER DELETE ON `user_texts`
BEGIN
	INSERT INTO `user_search` (`user_search`, `rowid`, `text`) VALUES ('delete', OLD.`id`, OLD.`text`);
END;
--> statement-breakpoint
CREATE TRIGGER `users_search_insert` AFTER INSERT ON `users`
BEGIN
	INSERT INTO `user_texts` (`user_id`, `text`) VALUES (NEW.`id`,
		NEW.`username_key` || char(10) || NEW.`name_key` || char(10) || coalesce(NEW.`email_key`, ''));
END;
--> statement-breakpoint
CREATE TRIGGER `users_search_update` AFTER UPDATE OF `name_key`, `email_key` ON `users`
WHEN NEW.`name_key` IS NOT OLD.`name_key` OR NEW.`email_key` IS NOT OLD.`email_key`
BEGIN
	UPDATE `user_texts` SET `text` =
		NEW.`username_key` || char(10) || NEW.`name_key` || char(10) || coalesce(NEW.`email_key`, '')
	WHERE `user_id` = NEW.`id`;
END;
--> statement-breakpoint
CREATE TRIGGER `users_search_delete` AFTER DELETE ON `users`
BEGIN
	DELETE FROM `user_texts` WHERE `user_id` = OLD.`id`;
END;
--> statement-breakpoint
INSERT INTO `user_texts` (`user_id`, `text`) SELECT `id`,
	`username_key` || char(10) || `name_key` || char(10) || coalesce(`email_key`, '') FROM `users`;
