-- name: batches
select batch_id, file, feed_id, campaigns, format, status, reason, arrived_at, rows_read as read,
    taken, quarantined, known, arrivals, undone_at, undone_by, who
from batch order by last_arrived_at desc, seq desc limit 200

-- name: quarantine
-- Rows of batches in force; those of a batch that was undone are gone with it.
select q.file, q.line as row, q."column", q.value, q.reason, q."at", q.campaign_id, q.feed_id
from quarantine q join batch b using (seq)
where b.undone_at is null
order by q.seq desc, q.line limit 500

-- name: feeds
select feed_id, max(last_arrived_at), count(*) filter (undone_at is null),
    coalesce(sum(quarantined) filter (undone_at is null), 0)::bigint
from batch group by feed_id order by feed_id

-- name: ticked
select "at", generation from ticked

-- name: tick
insert or replace into ticked values (true, ?, ?)

-- name: counts
select (select count(*) from snapshot), (select count(*) from quarantine),
    (select count(*) from batch)

-- name: batches_by_status
select case when undone_at is null then status else 'undone' end as status, count(*)
from batch group by 1 order by 1

-- name: quarantined_by_feed
select feed_id, coalesce(sum(quarantined) filter (undone_at is null), 0)::bigint
from batch group by feed_id order by feed_id
