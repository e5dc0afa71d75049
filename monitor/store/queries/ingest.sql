-- name: next_seq
select coalesce(max(seq), 0) + 1 from batch

-- name: batch_by_id
select seq, status, rows_read, quarantined, summary, format, arrived_at, arrivals, taken, undone_at
from batch where batch_id = ?

-- name: step_aside
-- A batch that was undone keeps its row under another id when its content comes again.
update batch set batch_id = batch_id || '~' || seq where batch_id = ? and undone_at is not null

-- name: seen_again
update batch set arrivals = arrivals + 1, last_arrived_at = ? where batch_id = ?

-- name: forget_batch
delete from batch where batch_id = ?

-- name: forget_faults
delete from quarantine where seq = ?

-- name: streams
select stream_id, feed_id, campaign_id from stream order by stream_id

-- name: add_stream
insert into stream (stream_id, feed_id, campaign_id) values (?, ?, ?)

-- name: keys
select key_id, channel, category, creator_id, shop_id, product_id, live_id, slot_id
from series_key order by key_id

-- name: said_before
-- Rows of `arriving` whose snapshot and key are held, and which of their values such a row gave.
select a.row_no,
    coalesce(bool_or(s.gmv = a.gmv), false) as gmv,
    coalesce(bool_or(s.orders = a.orders), false) as orders,
    coalesce(bool_or(s.items_sold = a.items_sold), false) as items_sold,
    coalesce(bool_or(s.visitors = a.visitors), false) as visitors,
    coalesce(bool_or(s.impressions = a.impressions), false) as impressions,
    coalesce(bool_or(s.clicks = a.clicks), false) as clicks,
    coalesce(bool_or(s.refunds = a.refunds), false) as refunds,
    coalesce(bool_or(s.commission = a.commission), false) as commission,
    coalesce(bool_or(s.complete_through = a.complete_through), false) as complete_through
from arriving a
join snapshot s
    on s.stream_id = a.stream_id and s.observed_at = a.observed_at and s.key_id = a.key_id
where s.observed_at between ? and ?
group by a.row_no

-- name: any_instant_held
select exists (select 1 from arriving semi join instant using (stream_id, observed_at))

-- name: hold
-- Repeats are kept, but not those that an earlier reading of the same batch took already.
insert into held by name
select a.* from arriving a anti join (
    select ord from snapshot where ord between ? and ?
) s on s.ord = a.ord

-- name: forget_held
delete from held where ord between ? and ?

-- name: add_period_readings
insert into period_reading
select distinct stream_id, observed_at, ?::bigint from arriving order by all

-- name: forget_period_readings
delete from period_reading where seq = ?

-- name: now_closing
-- Streams in which a repeat says that an instant closes which so far did not.
select stream_id, min(observed_at)
from instant semi join arriving using (stream_id, observed_at)
where not closes group by stream_id order by stream_id

-- name: instants
select observed_at, watermark, coalesce(closes, true) as closes
from instant where stream_id = ? order by observed_at

-- name: newest_before
select max(observed_at) from instant where stream_id = ? and observed_at < ?

-- name: newest
select max(observed_at) from instant where stream_id = ?

-- name: readings
-- All readings from an instant on, as they came; the least bigint is unknown.
select epoch_ms(observed_at) as observed_ms, key_id::bigint as key_id, ord,
    coalesce(epoch_ms(complete_through), -9223372036854775808) as complete_ms,
    coalesce(gmv, -9223372036854775808) as gmv,
    coalesce(orders, -9223372036854775808) as orders,
    coalesce(items_sold, -9223372036854775808) as items_sold,
    coalesce(visitors, -9223372036854775808) as visitors,
    coalesce(impressions, -9223372036854775808) as impressions,
    coalesce(clicks, -9223372036854775808) as clicks,
    coalesce(refunds, -9223372036854775808) as refunds,
    coalesce(commission, -9223372036854775808) as commission
from snapshot
where stream_id = ? and observed_at >= ?

-- name: state
select key_id, day,
    v_gmv, v_orders, v_items_sold, v_visitors, v_impressions, v_clicks, v_refunds, v_commission,
    t_gmv, t_orders, t_items_sold, t_visitors, t_impressions, t_clicks, t_refunds, t_commission,
    s_gmv, s_orders, s_items_sold, s_visitors, s_impressions, s_clicks, s_refunds, s_commission
from latest where stream_id = ? order by key_id

-- name: totals_before
-- Sums per key of what readings before an instant gave: where a refold starts from.
with booked as (
    select key_id, gmv, orders, items_sold, visitors, impressions, clicks, refunds, commission
    from fact where stream_id = ? and observed_at < ?
    union all by name
    select key_id,
        case when metric = 'gmv' then amount end as gmv,
        case when metric = 'orders' then amount end as orders,
        case when metric = 'items_sold' then amount end as items_sold,
        case when metric = 'visitors' then amount end as visitors,
        case when metric = 'impressions' then amount end as impressions,
        case when metric = 'clicks' then amount end as clicks,
        case when metric = 'refunds' then amount end as refunds,
        case when metric = 'commission' then amount end as commission
    from correction where stream_id = ? and observed_at < ?
)
select key_id, sum(gmv)::bigint as gmv, sum(orders)::bigint as orders,
    sum(items_sold)::bigint as items_sold, sum(visitors)::bigint as visitors,
    sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks,
    sum(refunds)::bigint as refunds, sum(commission)::bigint as commission
from booked group by key_id order by key_id

-- name: forget_fact
delete from fact where stream_id = ? and observed_at >= ?

-- name: forget_rollup
delete from rollup where stream_id = ? and observed_at >= ?

-- name: forget_correction
delete from correction where stream_id = ? and observed_at >= ?

-- name: forget_missing
delete from missing where stream_id = ? and observed_at >= ?

-- name: forget_instant
delete from instant where stream_id = ? and observed_at >= ?

-- name: forget_state
delete from latest where stream_id = ?

-- name: roll_up
insert into rollup
select f.stream_id, f.bucket, f.observed_at, k.channel, k.category,
    sum(f.gmv)::bigint, sum(f.orders)::bigint, sum(f.items_sold)::bigint, sum(f.visitors)::bigint,
    sum(f.impressions)::bigint, sum(f.clicks)::bigint, sum(f.refunds)::bigint,
    sum(f.commission)::bigint
from fact f join series_key k using (key_id)
where f.stream_id = ? and f.observed_at >= ?
group by all
order by all

-- name: any_period_reading
select exists (select 1 from period_reading where stream_id = ? and observed_at >= ?)

-- name: closing_instants
-- Snapshots from an instant on that a batch gave which is no export of a period, be it as a repeat.
with given as (
    select observed_at, ord >> 32 as seq from snapshot where stream_id = ? and observed_at >= ?
    union select observed_at, ord >> 32 from held where stream_id = ? and observed_at >= ?
)
select distinct given.observed_at from given
anti join (select * from period_reading where stream_id = ?) p
    on p.observed_at = given.observed_at and p.seq = given.seq

-- name: undo_of
-- What the ledger has of a batch that is to be undone.
select seq, status, feed_id, file, undone_at, undone_by, campaigns from batch where batch_id = ?

-- name: mark_undone
update batch set undone_at = ?, undone_by = ? where batch_id = ?

-- name: given_by
-- The streams that a batch gave readings to, repeats too, and the first instant of each.
select stream_id, min(observed_at) from (
    select stream_id, observed_at from snapshot where ord between ? and ?
    union all select stream_id, observed_at from held where ord between ? and ?
) group by stream_id order by stream_id

-- name: silenced
-- Snapshots and keys of a batch of which something is held: there a repeat may have to speak.
select distinct stream_id, observed_at, key_id
from (select stream_id, observed_at, key_id from snapshot where ord between ? and ?)
semi join held using (stream_id, observed_at, key_id)

-- name: forget_readings
delete from snapshot where ord between ? and ?

-- name: speak_again
-- Repeats of `silenced` that now are the first to say something: their place is with the others.
with said as (
    select *, false as spare from snapshot semi join silenced using (stream_id, observed_at, key_id)
    union all
    select *, true from held semi join silenced using (stream_id, observed_at, key_id)
)
select * exclude (spare) from said qualify spare and (
    ord = min(ord) over (partition by stream_id, observed_at, key_id)
    or (gmv is not null and ord = min(ord) over (partition by stream_id, observed_at, key_id, gmv))
    or (orders is not null
        and ord = min(ord) over (partition by stream_id, observed_at, key_id, orders))
    or (items_sold is not null
        and ord = min(ord) over (partition by stream_id, observed_at, key_id, items_sold))
    or (visitors is not null
        and ord = min(ord) over (partition by stream_id, observed_at, key_id, visitors))
    or (impressions is not null
        and ord = min(ord) over (partition by stream_id, observed_at, key_id, impressions))
    or (clicks is not null
        and ord = min(ord) over (partition by stream_id, observed_at, key_id, clicks))
    or (refunds is not null
        and ord = min(ord) over (partition by stream_id, observed_at, key_id, refunds))
    or (commission is not null
        and ord = min(ord) over (partition by stream_id, observed_at, key_id, commission))
    or (complete_through is not null
        and ord = min(ord) over (partition by stream_id, observed_at, key_id, complete_through))
)

-- name: forget_spoken
delete from held where ord in (select ord from speaking)

-- name: forget_empty_streams
-- Streams that no batch gives anything to any more.
delete from stream where stream_id in (select unnest(?))
    and not exists (select 1 from snapshot s where s.stream_id = stream.stream_id)
    and not exists (select 1 from order_line o where o.stream_id = stream.stream_id)

-- name: has_snapshots
select count(*) from (select 1 from snapshot where stream_id = ? limit 1)
