CREATE TABLE `notices` (
	`id` text PRIMARY KEY NOT NULL,
	`key` text NOT NULL,
	`account_id` text NOT NULL,
	`user_id` text,
	`facts` text NOT NULL,
	`recorded_at` integer NOT NULL,
	`due_at` integer,
	`tries` integer DEFAULT 0 NOT NULL,
	`claim` text,
	`outcome` text,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "notices_end" CHECK(("notices"."due_at" is null) = ("notices"."outcome" is not null))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `notices_key` ON `notices` (`key`);--> statement-breakpoint
CREATE INDEX `notices_due` ON `notices` (`due_at`) WHERE "notices"."due_at" is not null;--> statement-breakpoint
CREATE INDEX `notices_by_recording` ON `notices` (`recorded_at`);--> statement-breakpoint
CREATE INDEX `notices_by_user` ON `notices` (`user_id`) WHERE "notices"."user_id" is not null;