ALTER TABLE `users` ADD `bind_limit` integer;--> statement-breakpoint
ALTER TABLE `users` ADD `bind_types` text;--> statement-breakpoint
ALTER TABLE `users` ADD `submit_rate` integer;