-- name: cursor
select cursor from source_cursor where feed_id = ?

-- name: keep
merge into source_cursor using (select ? as feed_id, ? as cursor, ?::timestamp as "at") as said
using (feed_id)
when matched then update set cursor = said.cursor, "at" = said."at"
when not matched then insert (feed_id, cursor, "at") values (said.feed_id, said.cursor, said."at")
