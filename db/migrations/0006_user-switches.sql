CREATE INDEX `users_by_http_basic` ON `users` (`account_id`,`http_basic`,`id`);--> statement-breakpoint
CREATE INDEX `users_by_smpp_basic` ON `users` (`account_id`,`smpp_basic`,`id`);