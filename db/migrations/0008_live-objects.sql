CREATE TABLE `live_objects` (
	`id` text PRIMARY KEY NOT NULL,
	`node_id` text NOT NULL,
	`account_id` text NOT NULL,
	`user_id` text NOT NULL,
	`kind` text NOT NULL,
	`source` text,
	`target` text,
	`since` integer NOT NULL,
	`end_asked_at` integer,
	FOREIGN KEY (`node_id`) REFERENCES `nodes`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `live_objects_by_node` ON `live_objects` (`node_id`,`end_asked_at`);--> statement-breakpoint
CREATE INDEX `live_objects_by_account` ON `live_objects` (`account_id`,`id`);--> statement-breakpoint
CREATE INDEX `live_objects_by_user` ON `live_objects` (`user_id`,`id`);