-- name: batches
select batch_id, file, feed_id, format, status, reason, who, last_arrived_at, rows_read, taken,
    quarantined, known, campaigns, undone_at, undone_by
from batch order by seq desc limit ?

-- name: batch
select batch_id, file, feed_id, format, status, reason, who, last_arrived_at, rows_read, taken,
    quarantined, known, campaigns, undone_at, undone_by
from batch where batch_id = ? order by seq desc limit 1

-- name: previous
-- The newest batch of a feed and format in force that brought something to a campaign.
select batch_id, file, arrived_at, summary
from batch
where feed_id = ? and format = ? and status = 'taken' and undone_at is null and batch_id <> ?
    and list_contains(string_split(campaigns, ','), ?)
order by seq desc limit 1

-- name: faults
select q.line, q."column", q.value, q.reason
from quarantine q join batch b using (seq)
where b.batch_id = ? order by q.line

-- name: has_orders
select count(*) from stream where feed_id = ? and campaign_id = ? and kind = 'orders'
