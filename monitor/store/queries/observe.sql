-- name: carries
-- Which metrics each stream of a campaign has ever said anything about.
select s.feed_id, s.stream_id, s.kind, count(r.gmv) > 0, count(r.orders) > 0, count(r.items_sold) > 0,
    count(r.visitors) > 0, count(r.impressions) > 0, count(r.clicks) > 0, count(r.refunds) > 0,
    count(r.commission) > 0
from stream s left join rollup r using (stream_id)
where s.campaign_id = ?
group by all

-- name: groups
select distinct channel, category from rollup where stream_id = ?

-- name: judged_rollup
-- What each closed bucket held when it closed: later bridging and corrections are left out.
select r.bucket, r.channel, r.category, sum(r.gmv)::bigint as gmv, sum(r.orders)::bigint as orders,
    sum(r.items_sold)::bigint as items_sold, sum(r.visitors)::bigint as visitors,
    sum(r.impressions)::bigint as impressions, sum(r.clicks)::bigint as clicks,
    sum(r.refunds)::bigint as refunds, sum(r.commission)::bigint as commission
from rollup r join closers c on c.bucket = r.bucket
where r.stream_id = ? and r.observed_at <= c.closer
group by r.bucket, r.channel, r.category
order by r.bucket, r.channel, r.category

-- name: judged_fact
select r.bucket, k.channel, k.category, sum(r.gmv)::bigint as gmv, sum(r.orders)::bigint as orders,
    sum(r.items_sold)::bigint as items_sold, sum(r.visitors)::bigint as visitors,
    sum(r.impressions)::bigint as impressions, sum(r.clicks)::bigint as clicks,
    sum(r.refunds)::bigint as refunds, sum(r.commission)::bigint as commission
from fact r join series_key k using (key_id) join closers c on c.bucket = r.bucket
where r.stream_id = ? and r.observed_at <= c.closer
    and (? = '' or k.channel = ?) and (? = '' or k.category = ?) and (? = '' or k.creator_id = ?)
    and (? = '' or k.shop_id = ?) and (? = '' or k.product_id = ?) and (? = '' or k.live_id = ?)
    and (? = '' or k.slot_id = ?)
group by r.bucket, k.channel, k.category
order by r.bucket, k.channel, k.category

-- name: missing
select c.bucket, m.channel, m.category, m.gmv, m.orders, m.items_sold, m.visitors, m.impressions,
    m.clicks, m.refunds, m.commission
from missing m join closers c on c.closer = m.observed_at
where m.stream_id = ?
order by c.bucket, m.channel, m.category

-- name: said
-- Per closed bucket, which metrics its closing snapshot says anything of.
with told as (
    select observed_at, count(gmv) > 0 as gmv, count(orders) > 0 as orders,
        count(items_sold) > 0 as items_sold, count(visitors) > 0 as visitors,
        count(impressions) > 0 as impressions, count(clicks) > 0 as clicks,
        count(refunds) > 0 as refunds, count(commission) > 0 as commission
    from rollup
    where stream_id = ? and observed_at in (select closer from closers)
    group by observed_at
)
select c.bucket, t.* exclude (observed_at) from closers c join told t on t.observed_at = c.closer

-- name: missing_fact
-- The same as `missing` for the keys of one scope: what those had brought that the closing snapshot
-- lacks (though it had them since the period began) or has blank.
with mine as (
    select key_id, channel, category from series_key
    where (? = '' or channel = ?) and (? = '' or category = ?) and (? = '' or creator_id = ?)
        and (? = '' or shop_id = ?) and (? = '' or product_id = ?) and (? = '' or live_id = ?)
        and (? = '' or slot_id = ?)
),
given as (
    select key_id, observed_at, count(gmv) as gmv, count(orders) as orders,
        count(items_sold) as items_sold, count(visitors) as visitors,
        count(impressions) as impressions, count(clicks) as clicks, count(refunds) as refunds,
        count(commission) as commission
    from snapshot semi join mine using (key_id)
    where stream_id = ? group by key_id, observed_at
),
said as (  -- per metric, whether it is blank there though it was given before
    select key_id, observed_at, gmv = 0 and max(gmv) over w > 0 as gmv,
        orders = 0 and max(orders) over w > 0 as orders,
        items_sold = 0 and max(items_sold) over w > 0 as items_sold,
        visitors = 0 and max(visitors) over w > 0 as visitors,
        impressions = 0 and max(impressions) over w > 0 as impressions,
        clicks = 0 and max(clicks) over w > 0 as clicks,
        refunds = 0 and max(refunds) over w > 0 as refunds,
        commission = 0 and max(commission) over w > 0 as commission
    from given window w as (partition by key_id order by observed_at)
),
seen as (
    select p.since, s.key_id, min(s.observed_at) as first
    from said s asof join (select distinct since from closers) p on s.observed_at >= p.since
    group by p.since, s.key_id
),
unread as (
    select c.bucket, c.closer, m.key_id, m.channel, m.category, s.key_id is null as gone,
        s.* exclude (key_id, observed_at)
    from closers c cross join mine m
    left join said s on s.key_id = m.key_id and s.observed_at = c.closer
    left join seen e on e.key_id = m.key_id and e.since = c.since
    where (s.key_id is null and e.first < c.closer)
        or s.gmv or s.orders or s.items_sold or s.visitors or s.impressions or s.clicks
        or s.refunds or s.commission
)
select u.bucket, u.channel, u.category,
    sum(f.gmv) filter (u.gone or u.gmv)::bigint as gmv,
    sum(f.orders) filter (u.gone or u.orders)::bigint as orders,
    sum(f.items_sold) filter (u.gone or u.items_sold)::bigint as items_sold,
    sum(f.visitors) filter (u.gone or u.visitors)::bigint as visitors,
    sum(f.impressions) filter (u.gone or u.impressions)::bigint as impressions,
    sum(f.clicks) filter (u.gone or u.clicks)::bigint as clicks,
    sum(f.refunds) filter (u.gone or u.refunds)::bigint as refunds,
    sum(f.commission) filter (u.gone or u.commission)::bigint as commission
from unread u join fact f on f.key_id = u.key_id and f.observed_at <= u.closer
where f.stream_id = ?
group by u.bucket, u.channel, u.category
order by u.bucket, u.channel, u.category

-- name: totals
-- Sums per group of what lies up to the watermark, corrections included; provisional is left out.
with seen as (
    select key_id, gmv, orders, items_sold, visitors, impressions, clicks, refunds, commission
    from fact where stream_id = $stream and (observed_at <= $watermark or bucket + $size <= $watermark)
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
    from correction
    where stream_id = $stream and (observed_at <= $watermark or bucket + $size <= $watermark)
)
select {group} sum(gmv)::bigint as gmv, sum(orders)::bigint as orders,
    sum(items_sold)::bigint as items_sold, sum(visitors)::bigint as visitors,
    sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks,
    sum(refunds)::bigint as refunds, sum(commission)::bigint as commission
from seen join series_key using (key_id)
{group_by}

-- name: provisional
-- Per key, what the kept sums hold beyond the watermark.
select key_id, sum(gmv)::bigint as gmv, sum(orders)::bigint as orders,
    sum(items_sold)::bigint as items_sold, sum(visitors)::bigint as visitors,
    sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks,
    sum(refunds)::bigint as refunds, sum(commission)::bigint as commission
from fact where stream_id = ? and observed_at > ? and bucket + ? > ?
group by key_id order by key_id

-- name: bucket_sums
-- Everything per bucket and group up to the watermark: for "the same time of the last event".
select bucket, channel, category, sum(gmv)::bigint as gmv, sum(orders)::bigint as orders,
    sum(items_sold)::bigint as items_sold, sum(visitors)::bigint as visitors,
    sum(impressions)::bigint as impressions, sum(clicks)::bigint as clicks,
    sum(refunds)::bigint as refunds, sum(commission)::bigint as commission
from rollup
where stream_id = ? and (observed_at <= ? or bucket + ? <= ?)
group by all order by all

-- name: corrections
select c.bucket, k.channel, k.category, c.metric, sum(c.amount)::bigint
from correction c join series_key k using (key_id)
where c.stream_id = ? and (c.observed_at <= ? or c.bucket + ? <= ?)
group by all order by all


-- name: member_facts
-- What each key brought in the buckets asked for, as it stood when they closed.
select r.bucket, r.key_id, sum(r.gmv)::double as gmv, sum(r.orders)::double as orders,
    sum(r.items_sold)::double as items_sold, sum(r.visitors)::double as visitors,
    sum(r.impressions)::double as impressions, sum(r.clicks)::double as clicks,
    sum(r.refunds)::double as refunds, sum(r.commission)::double as commission
from fact r join closers c on c.bucket = r.bucket
where r.stream_id = ? and r.bucket >= ? and r.observed_at <= c.closer
group by r.bucket, r.key_id

-- name: member_reads
-- Which keys the closing snapshots hold, and of which metrics they say anything.
select c.bucket, s.key_id, count(s.gmv) > 0 as gmv, count(s.orders) > 0 as orders,
    count(s.items_sold) > 0 as items_sold, count(s.visitors) > 0 as visitors,
    count(s.impressions) > 0 as impressions, count(s.clicks) > 0 as clicks,
    count(s.refunds) > 0 as refunds, count(s.commission) > 0 as commission
from snapshot s join closers c on c.closer = s.observed_at
where s.stream_id = ? and s.observed_at >= ?
group by c.bucket, s.key_id

-- name: member_unknown
-- Where a counter fell, what it gained is unknown; and where it was back at once, what it seems to
-- have gained is what it had: buckets, keys and metrics that say nothing.
with fell as (
    select key_id, metric, observed_at, bucket, -amount as amount
    from correction where stream_id = $1 and observed_at >= $2::timestamp - interval 2 hours
),
gains as (
    select f.key_id, f.metric, f.observed_at as fell_at, f.amount, r.observed_at, r.bucket,
        case f.metric when 'gmv' then r.gmv when 'orders' then r.orders
            when 'items_sold' then r.items_sold when 'visitors' then r.visitors
            when 'impressions' then r.impressions when 'clicks' then r.clicks
            when 'refunds' then r.refunds when 'commission' then r.commission end as gain
    from fell f join fact r on r.key_id = f.key_id and r.observed_at > f.observed_at
        and r.observed_at <= f.observed_at + interval 1 hour
    where r.stream_id = $1 and r.bucket >= $2::timestamp - interval 2 hours
),
first as (
    select * from gains where gain > 0
    qualify observed_at = min(observed_at) over (partition by key_id, metric, fell_at)
),
back as (
    select * from first
    qualify sum(gain) over (partition by key_id, metric, fell_at) >= 0.9 * amount
)
select c.bucket, f.key_id, f.metric from fell f join closers c on c.closer = f.observed_at
union
select c.bucket, f.key_id, f.metric from fell f join closers c
    on c.bucket = f.bucket and f.observed_at <= c.closer
union
select c.bucket, b.key_id, b.metric from back b join closers c
    on c.bucket = b.bucket and b.observed_at <= c.closer

-- name: keys
select key_id, channel, category, creator_id, shop_id, product_id, live_id, slot_id
from series_key where list_contains(?, key_id)
