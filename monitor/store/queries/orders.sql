-- name: held
-- Rows of `arriving` that were said before, whenever.
select distinct a.row_no
from arriving a
join order_line m
    on m.stream_id = a.stream_id and m.order_id = a.order_id and m.item_id = a.item_id
    and m.placed_at = a.placed_at and m.key_id = a.key_id and m.state = a.state
    and m.gmv is not distinct from a.gmv and m.orders is not distinct from a.orders
    and m.items_sold is not distinct from a.items_sold
    and m.visitors is not distinct from a.visitors
    and m.impressions is not distinct from a.impressions
    and m.clicks is not distinct from a.clicks
    and m.refunds is not distinct from a.refunds
    and m.commission is not distinct from a.commission
order by a.row_no

-- name: touched
-- Where all lines of the orders in `changed` stand, in every version: an order counts at one of them.
select distinct o.stream_id, o.placed_at
from order_line o semi join changed c on c.stream_id = o.stream_id and c.order_id = o.order_id
order by all

-- name: of_batch
select distinct stream_id, order_id from order_line where (ord >> 32) = ? order by all

-- name: forget_batch
delete from order_line where (ord >> 32) = ?

-- name: forget_snapshots
delete from snapshot where stream_id = ? and observed_at in (select unnest(?))

-- name: forget_periods
delete from period_reading where stream_id = ? and observed_at in (select unnest(?))

-- name: snapshots
-- The version of every line that was first said last, added up per key in (end - size, end]; an order
-- counts once, at its first line that counts.
insert into snapshot
with wanted as (
    select distinct order_id from order_line
    where stream_id = $stream
        and time_bucket($size, placed_at, timestamp '1970-01-01') + $size in (select unnest($ends))
),
versions as (
    select * exclude (ord), min(ord) as ord from order_line semi join wanted using (order_id)
    where stream_id = $stream
    group by all
),
last as (
    select * from versions
    qualify row_number() over (partition by order_id, item_id order by ord desc) = 1
),
counted as (
    select *, row_number() over (partition by order_id order by state = 'ineligible', item_id) as nth
    from last
)
select stream_id, time_bucket($size, placed_at, timestamp '1970-01-01') + $size as observed_at, key_id,
    sum(gmv)::bigint,
    sum(coalesce(orders, case when nth = 1 and state <> 'ineligible' then 100 else 0 end))::bigint,
    sum(items_sold)::bigint, sum(visitors)::bigint, sum(impressions)::bigint, sum(clicks)::bigint,
    sum(refunds)::bigint, sum(commission)::bigint, null, max(ord)
from counted
where time_bucket($size, placed_at, timestamp '1970-01-01') + $size in (select unnest($ends))
group by stream_id, observed_at, key_id
order by observed_at, key_id

-- name: periods
insert into period_reading
select distinct stream_id, observed_at, (ord >> 32)::bigint from snapshot
where stream_id = $stream and observed_at in (select unnest($ends))

-- name: streams
select stream_id from stream where kind = 'orders'

-- name: mark_stream
update stream set kind = 'orders' where stream_id = ?
