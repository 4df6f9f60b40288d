CREATE TABLE `accounts` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`type` text NOT NULL,
	`region` text NOT NULL,
	`settings` text DEFAULT '{}' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	CONSTRAINT "accounts_id" CHECK(length("accounts"."id") > 0)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `accounts_name` ON `accounts` (`name`);--> statement-breakpoint
CREATE TABLE `meta` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `changes` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`at` integer NOT NULL,
	`account_id` text NOT NULL,
	`user_id` text,
	`kind` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `events` (
	`seq` integer PRIMARY KEY NOT NULL,
	`id` text NOT NULL,
	`at` integer NOT NULL,
	`account_id` text,
	`actor_id` text,
	`user_id` text,
	`username` text,
	`name_digest` text,
	`action` text NOT NULL,
	`channel` text NOT NULL,
	`source` text,
	`reason` text,
	`target` text,
	`count` integer DEFAULT 1 NOT NULL,
	`first_at` integer NOT NULL,
	`last_at` integer NOT NULL,
	`tag` text,
	`decision_id` text,
	`before` text,
	`after` text,
	`prev_hash` text NOT NULL,
	`hash` text NOT NULL,
	CONSTRAINT "events_count" CHECK("events"."count" > 0)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `events_id` ON `events` (`id`);--> statement-breakpoint
CREATE INDEX `events_by_account` ON `events` (`account_id`,`seq`);--> statement-breakpoint
CREATE INDEX `events_by_user` ON `events` (`user_id`,`seq`) WHERE "events"."user_id" is not null;--> statement-breakpoint
CREATE INDEX `events_by_actor` ON `events` (`actor_id`,`seq`) WHERE "events"."actor_id" is not null;--> statement-breakpoint
CREATE INDEX `events_by_action` ON `events` (`action`,`seq`);--> statement-breakpoint
CREATE INDEX `events_by_reason` ON `events` (`reason`,`seq`) WHERE "events"."reason" is not null;--> statement-breakpoint
CREATE INDEX `events_by_source` ON `events` (`source`,`seq`) WHERE "events"."source" is not null;--> statement-breakpoint
CREATE INDEX `events_by_time` ON `events` (`at`);--> statement-breakpoint
CREATE INDEX `events_by_tag` ON `events` (`tag`) WHERE "events"."tag" is not null;--> statement-breakpoint
CREATE INDEX `events_by_decision` ON `events` (`decision_id`) WHERE "events"."decision_id" is not null;--> statement-breakpoint
CREATE TABLE `locks` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`bucket` text NOT NULL,
	`since` integer NOT NULL,
	`until` integer,
	`failures` integer NOT NULL,
	`locks` integer DEFAULT 1 NOT NULL,
	`channels` text NOT NULL,
	`sources` text NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "locks_failures" CHECK("locks"."failures" >= 0),
	CONSTRAINT "locks_until_form" CHECK("locks"."until" is null or typeof("locks"."until") = 'integer')
);
--> statement-breakpoint
CREATE UNIQUE INDEX `locks_bucket` ON `locks` (`user_id`,`bucket`);--> statement-breakpoint
CREATE INDEX `locks_until` ON `locks` (`until`);--> statement-breakpoint
CREATE TABLE `sources` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`user_id` text NOT NULL,
	`channel` text NOT NULL,
	`source` text NOT NULL,
	`source_group` text NOT NULL,
	`outcome` text NOT NULL,
	`reason` text DEFAULT '' NOT NULL,
	`first_at` integer NOT NULL,
	`last_at` integer NOT NULL,
	`count` integer NOT NULL,
	CONSTRAINT "sources_outcome" CHECK("sources"."outcome" in ('permitted', 'refused')),
	CONSTRAINT "sources_count" CHECK("sources"."count" > 0)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sources_key` ON `sources` (`user_id`,`channel`,`source`,`outcome`,`reason`);--> statement-breakpoint
CREATE INDEX `sources_by_time` ON `sources` (`user_id`,`outcome`,`last_at`);--> statement-breakpoint
CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`digest` text NOT NULL,
	`previous_digest` text,
	`previous_until` integer,
	`safelist` text NOT NULL,
	`permissions` text,
	`not_before` integer,
	`expires_at` integer,
	`enabled` integer DEFAULT true NOT NULL,
	`last_used_at` integer,
	`last_used_source` text,
	`created_by` text,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "api_keys_enabled" CHECK("api_keys"."enabled" in (0, 1)),
	CONSTRAINT "api_keys_digest_form" CHECK(length("api_keys"."digest") = 64),
	CONSTRAINT "api_keys_overlap" CHECK(("api_keys"."previous_digest" is null) = ("api_keys"."previous_until" is null))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_digest` ON `api_keys` (`digest`);--> statement-breakpoint
CREATE UNIQUE INDEX `api_keys_previous_digest` ON `api_keys` (`previous_digest`) WHERE "api_keys"."previous_digest" is not null;--> statement-breakpoint
CREATE INDEX `api_keys_by_account` ON `api_keys` (`account_id`,`id`);--> statement-breakpoint
CREATE INDEX `api_keys_by_user` ON `api_keys` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `api_keys_expiring` ON `api_keys` (`expires_at`) WHERE "api_keys"."expires_at" is not null;--> statement-breakpoint
CREATE TABLE `authenticators` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`name` text NOT NULL,
	`sealed_seed` text NOT NULL,
	`confirmed_at` integer,
	`last_step` integer,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `authenticators_by_user` ON `authenticators` (`user_id`,`id`);--> statement-breakpoint
CREATE TABLE `devices` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`digest` text NOT NULL,
	`name` text DEFAULT '' NOT NULL,
	`credential_epoch` integer NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer NOT NULL,
	`last_source` text,
	`expires_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "devices_digest_form" CHECK(length("devices"."digest") = 64)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `devices_digest` ON `devices` (`digest`);--> statement-breakpoint
CREATE INDEX `devices_by_user` ON `devices` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `devices_expiring` ON `devices` (`expires_at`);--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`user_id` text NOT NULL,
	`kind` text NOT NULL,
	`digest` text NOT NULL,
	`bound_to` text,
	`source` text,
	`user_agent` text,
	`api_key_id` text,
	`credential_epoch` integer NOT NULL,
	`created_at` integer NOT NULL,
	`last_seen_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`ended_at` integer,
	`end_reason` text,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`api_key_id`) REFERENCES `api_keys`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "sessions_kind" CHECK("sessions"."kind" in ('web', 'token', 'bearer')),
	CONSTRAINT "sessions_digest_form" CHECK(length("sessions"."digest") = 64)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sessions_digest` ON `sessions` (`digest`);--> statement-breakpoint
CREATE INDEX `sessions_by_account` ON `sessions` (`account_id`,`id`) WHERE "sessions"."ended_at" is null;--> statement-breakpoint
CREATE INDEX `sessions_by_user` ON `sessions` (`user_id`,`id`);--> statement-breakpoint
CREATE INDEX `sessions_expiring` ON `sessions` (`expires_at`);--> statement-breakpoint
CREATE TABLE `challenges` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`purpose` text NOT NULL,
	`channel` text NOT NULL,
	`channels` text NOT NULL,
	`recipient` text DEFAULT '' NOT NULL,
	`pin_digest` text,
	`attempts` integer DEFAULT 0 NOT NULL,
	`sends` integer DEFAULT 0 NOT NULL,
	`last_sent_at` integer,
	`credential_epoch` integer NOT NULL,
	`source` text,
	`request` text NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`solved_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "challenges_attempts" CHECK("challenges"."attempts" >= 0),
	CONSTRAINT "challenges_channel" CHECK("challenges"."channel" in ('email', 'sms', 'voice', 'totp'))
);
--> statement-breakpoint
CREATE INDEX `challenges_by_user` ON `challenges` (`user_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `challenges_expiring` ON `challenges` (`expires_at`);--> statement-breakpoint
CREATE TABLE `invites` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`email` text NOT NULL,
	`email_key` text NOT NULL,
	`profile` text NOT NULL,
	`role_ids` text NOT NULL,
	`safelist` text NOT NULL,
	`http_basic` integer DEFAULT false NOT NULL,
	`smpp_basic` integer DEFAULT false NOT NULL,
	`digest` text NOT NULL,
	`invited_by` text NOT NULL,
	`created_at` integer NOT NULL,
	`sent_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`accepted_at` integer,
	`accepted_user_id` text,
	`revoked_at` integer,
	`version` integer DEFAULT 1 NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "invites_http_basic" CHECK("invites"."http_basic" in (0, 1)),
	CONSTRAINT "invites_smpp_basic" CHECK("invites"."smpp_basic" in (0, 1)),
	CONSTRAINT "invites_one_end" CHECK("invites"."accepted_at" is null or "invites"."revoked_at" is null)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `invites_digest` ON `invites` (`digest`);--> statement-breakpoint
CREATE UNIQUE INDEX `invites_pending_email` ON `invites` (`account_id`,`email_key`) WHERE "invites"."accepted_at" is null and "invites"."revoked_at" is null;--> statement-breakpoint
CREATE INDEX `invites_by_account` ON `invites` (`account_id`,`id`);--> statement-breakpoint
CREATE TABLE `password_resets` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`digest` text NOT NULL,
	`purpose` text NOT NULL,
	`source` text,
	`credential_epoch` integer NOT NULL,
	`created_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`used_at` integer,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "password_resets_purpose" CHECK("password_resets"."purpose" in ('created', 'reset', 'setup'))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `password_resets_digest` ON `password_resets` (`digest`);--> statement-breakpoint
CREATE INDEX `password_resets_by_user` ON `password_resets` (`user_id`,`created_at`);--> statement-breakpoint
CREATE INDEX `password_resets_expiring` ON `password_resets` (`expires_at`);--> statement-breakpoint
CREATE TABLE `roles` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`name` text NOT NULL,
	`name_key` text NOT NULL,
	`description` text DEFAULT '' NOT NULL,
	`predefined` text,
	`permissions` text NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `roles_name` ON `roles` (`account_id`,`name_key`);--> statement-breakpoint
CREATE UNIQUE INDEX `roles_predefined` ON `roles` (`account_id`,`predefined`);--> statement-breakpoint
CREATE TABLE `safelist_entries` (
	`id` text PRIMARY KEY NOT NULL,
	`user_id` text NOT NULL,
	`range` text NOT NULL,
	`description` text DEFAULT '' NOT NULL,
	`expires_at` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	CONSTRAINT "safelist_entries_range_form" CHECK(length("safelist_entries"."range") > 0)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `safelist_entries_range` ON `safelist_entries` (`user_id`,`range`);--> statement-breakpoint
CREATE INDEX `safelist_entries_expiring` ON `safelist_entries` (`expires_at`) WHERE "safelist_entries"."expires_at" is not null;--> statement-breakpoint
CREATE TABLE `user_roles` (
	`user_id` text NOT NULL,
	`role_id` text NOT NULL,
	`granted_at` integer NOT NULL,
	`granted_by` text,
	PRIMARY KEY(`user_id`, `role_id`),
	FOREIGN KEY (`user_id`) REFERENCES `users`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`role_id`) REFERENCES `roles`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE INDEX `user_roles_by_role` ON `user_roles` (`role_id`,`user_id`);--> statement-breakpoint
CREATE TABLE `users` (
	`id` text PRIMARY KEY NOT NULL,
	`account_id` text NOT NULL,
	`username` text NOT NULL,
	`username_key` text NOT NULL,
	`email` text,
	`email_key` text,
	`email_verified` integer DEFAULT false NOT NULL,
	`first_name` text DEFAULT '' NOT NULL,
	`last_name` text DEFAULT '' NOT NULL,
	`name_key` text DEFAULT '' NOT NULL,
	`language` text DEFAULT 'en' NOT NULL,
	`time_zone` text DEFAULT 'UTC' NOT NULL,
	`mobile_number` text,
	`mobile_verified` integer DEFAULT false NOT NULL,
	`enabled` integer DEFAULT true NOT NULL,
	`password_hash` text,
	`password_changed_at` integer,
	`smpp_password_hash` text,
	`previous_smpp_password_hash` text,
	`previous_smpp_password_until` integer,
	`credential_epoch` integer DEFAULT 1 NOT NULL,
	`http_basic` integer DEFAULT false NOT NULL,
	`smpp_basic` integer DEFAULT false NOT NULL,
	`two_factor_channel` text DEFAULT 'email' NOT NULL,
	`two_factor_mode` text DEFAULT 'remembered' NOT NULL,
	`last_sign_in_at` integer,
	`last_sign_in_source` text,
	`last_sign_in_channel` text,
	`deletion_requested_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	FOREIGN KEY (`account_id`) REFERENCES `accounts`(`id`) ON UPDATE no action ON DELETE no action,
	CONSTRAINT "users_username_form" CHECK(length("users"."username") between 3 and 64 and "users"."username" not glob '*[^!-~]*' and "users"."username" not glob '*:*'),
	CONSTRAINT "users_username_folded" CHECK("users"."username_key" = lower("users"."username")),
	CONSTRAINT "users_enabled" CHECK("users"."enabled" in (0, 1)),
	CONSTRAINT "users_http_basic" CHECK("users"."http_basic" in (0, 1)),
	CONSTRAINT "users_smpp_basic" CHECK("users"."smpp_basic" in (0, 1)),
	CONSTRAINT "users_email_verified" CHECK("users"."email_verified" in (0, 1)),
	CONSTRAINT "users_mobile_verified" CHECK("users"."mobile_verified" in (0, 1)),
	CONSTRAINT "users_epoch" CHECK(typeof("users"."credential_epoch") = 'integer' and "users"."credential_epoch" > 0),
	CONSTRAINT "users_two_factor_channel" CHECK("users"."two_factor_channel" in ('email', 'sms', 'voice', 'totp')),
	CONSTRAINT "users_two_factor_mode" CHECK("users"."two_factor_mode" in ('remembered', 'always'))
);
--> statement-breakpoint
CREATE UNIQUE INDEX `users_username` ON `users` (`username_key`);--> statement-breakpoint
CREATE UNIQUE INDEX `users_email` ON `users` (`account_id`,`email_key`);--> statement-breakpoint
CREATE INDEX `users_by_id` ON `users` (`account_id`,`id`);--> statement-breakpoint
CREATE INDEX `users_by_username` ON `users` (`account_id`,`username_key`);--> statement-breakpoint
CREATE INDEX `users_by_name` ON `users` (`account_id`,`name_key`,`id`);--> statement-breakpoint
CREATE INDEX `users_by_last_sign_in` ON `users` (`account_id`,`last_sign_in_at`,`id`);--> statement-breakpoint
CREATE INDEX `users_disabled` ON `users` (`account_id`,`name_key`,`id`) WHERE "users"."enabled" = 0;