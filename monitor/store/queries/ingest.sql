-- name: next_seq
select coalesce(max(seq), 0) + 1 from batch

-- name: batch_by_id
select seq, status, reason, rows_read, quarantined, summary, format, arrived_at, arrivals, taken
from batch where batch_id = ?

-- name: seen_again
update batch set arrivals = arrivals + 1, last_arrived_at = ? where batch_id = ?

-- name: forget_batch
delete from batch where batch_id = ?

-- name: batch_faults
select line, "column", value, reason, campaign_id from quarantine where seq = ? order by line

-- name: forget_faults
delete from quarantine where seq = ?

-- name: streams
select stream_id, feed_id, campaign_id from stream order by stream_id

-- name: add_stream
insert into stream (stream_id, feed_id, campaign_id) values (?, ?, ?)

-- name: keys
select key_id, channel, category, creator_id, shop_id, product_id, live_id, slot_id
from series_key order by key_id

-- name: held
-- Rows of `arriving` whose every given value was already held for the same snapshot and key.
select a.row_no
from arriving a
join snapshot s
    on s.stream_id = a.stream_id and s.observed_at = a.observed_at and s.key_id = a.key_id
where s.observed_at between ? and ?
group by a.row_no
having (any_value(a.gmv) is null or coalesce(bool_or(s.gmv = a.gmv), false))
    and (any_value(a.orders) is null or coalesce(bool_or(s.orders = a.orders), false))
    and (any_value(a.items_sold) is null or coalesce(bool_or(s.items_sold = a.items_sold), false))
    and (any_value(a.visitors) is null or coalesce(bool_or(s.visitors = a.visitors), false))
    and (any_value(a.impressions) is null or coalesce(bool_or(s.impressions = a.impressions), false))
    and (any_value(a.clicks) is null or coalesce(bool_or(s.clicks = a.clicks), false))
    and (any_value(a.refunds) is null or coalesce(bool_or(s.refunds = a.refunds), false))
    and (any_value(a.commission) is null or coalesce(bool_or(s.commission = a.commission), false))
    and (any_value(a.complete_through) is null
         or coalesce(bool_or(s.complete_through = a.complete_through), false))

-- name: instants
select observed_at, watermark from instant where stream_id = ? order by observed_at

-- name: held_instants
select count(*) from instant where stream_id = ? and observed_at in (select unnest(?))

-- name: newest_before
select max(observed_at) from instant where stream_id = ? and observed_at < ?

-- name: newest
select max(observed_at) from instant where stream_id = ?

-- name: resolved
-- Snapshots from an instant on; per metric the value that arrived last, a blank never counting.
select observed_at, key_id,
    arg_max(gmv, ord) as gmv, arg_max(orders, ord) as orders,
    arg_max(items_sold, ord) as items_sold, arg_max(visitors, ord) as visitors,
    arg_max(impressions, ord) as impressions, arg_max(clicks, ord) as clicks,
    arg_max(refunds, ord) as refunds, arg_max(commission, ord) as commission,
    arg_max(complete_through, ord) as complete_through
from snapshot
where stream_id = ? and observed_at >= ?
group by observed_at, key_id
order by observed_at, key_id

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
