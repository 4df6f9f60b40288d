DROP INDEX "events_by_time";--> statement-breakpoint
DROP INDEX "events_by_account";--> statement-breakpoint
DROP INDEX "events_by_user";--> statement-breakpoint
DROP INDEX "events_by_actor";--> statement-breakpoint
DROP INDEX "events_by_action";--> statement-breakpoint
DROP INDEX "events_by_reason";--> statement-breakpoint
DROP INDEX "events_by_source";--> statement-breakpoint
CREATE INDEX "events_by_channel" ON "events" USING btree ("account_id","channel","at","seq");--> statement-breakpoint
CREATE INDEX "events_by_account" ON "events" USING btree ("account_id","at","seq");--> statement-breakpoint
CREATE INDEX "events_by_user" ON "events" USING btree ("user_id","at","seq") WHERE "events"."user_id" is not null;--> statement-breakpoint
CREATE INDEX "events_by_actor" ON "events" USING btree ("actor_id","at","seq") WHERE "events"."actor_id" is not null;--> statement-breakpoint
CREATE INDEX "events_by_action" ON "events" USING btree ("account_id","action","at","seq");--> statement-breakpoint
CREATE INDEX "events_by_reason" ON "events" USING btree ("account_id","reason","at","seq") WHERE "events"."reason" is not null;--> statement-breakpoint
CREATE INDEX "events_by_source" ON "events" USING btree ("account_id","source","at","seq") WHERE "events"."source" is not null;