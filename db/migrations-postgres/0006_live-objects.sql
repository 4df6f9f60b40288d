CREATE TABLE "live_objects" (
	"id" text collate "C" PRIMARY KEY NOT NULL,
	"node_id" text collate "C" NOT NULL,
	"account_id" text collate "C" NOT NULL,
	"user_id" text collate "C" NOT NULL,
	"kind" text collate "C" NOT NULL,
	"source" text collate "C",
	"target" text collate "C",
	"since" bigint NOT NULL,
	"end_asked_at" bigint
);
--> statement-breakpoint
ALTER TABLE "live_objects" ADD CONSTRAINT "live_objects_node_id_nodes_id_fk" FOREIGN KEY ("node_id") REFERENCES "nodes"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "live_objects_by_node" ON "live_objects" USING btree ("node_id","end_asked_at");--> statement-breakpoint
CREATE INDEX "live_objects_by_account" ON "live_objects" USING btree ("account_id","id");--> statement-breakpoint
CREATE INDEX "live_objects_by_user" ON "live_objects" USING btree ("user_id","id");