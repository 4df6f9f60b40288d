CREATE TABLE "notices" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"key" text collate "C" NOT NULL,
	"account_id" text collate "C" NOT NULL,
	"user_id" text collate "C",
	"facts" json NOT NULL,
	"recorded_at" bigint NOT NULL,
	"due_at" bigint,
	"tries" bigint DEFAULT 0 NOT NULL,
	"claim" text collate "C",
	"outcome" text collate "C",
	CONSTRAINT "notices_end" CHECK (("notices"."due_at" is null) = ("notices"."outcome" is not null))
);
--> statement-breakpoint
ALTER TABLE "notices" ADD CONSTRAINT "notices_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "notices_key" ON "notices" USING btree ("key");--> statement-breakpoint
CREATE INDEX "notices_due" ON "notices" USING btree ("due_at") WHERE "notices"."due_at" is not null;--> statement-breakpoint
CREATE INDEX "notices_by_recording" ON "notices" USING btree ("recorded_at");--> statement-breakpoint
CREATE INDEX "notices_by_user" ON "notices" USING btree ("user_id") WHERE "notices"."user_id" is not null;