-- name: batches
select batch_id, file, feed_id, campaigns, format, status, reason, arrived_at, rows_read as read,
    taken, quarantined, known, arrivals
from batch order by last_arrived_at desc, seq desc limit 200

-- name: quarantine
select file, line as row, "column", value, reason, "at", campaign_id, feed_id
from quarantine order by seq desc, line limit 500

-- name: feeds
select feed_id, max(last_arrived_at), count(*), sum(quarantined)::bigint
from batch group by feed_id

-- name: ticked
select "at", generation from ticked

-- name: tick
insert or replace into ticked values (true, ?, ?)

-- name: counts
select (select count(*) from snapshot), (select count(*) from quarantine),
    (select count(*) from batch)
