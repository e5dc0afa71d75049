-- name: ranked
-- Sums so far per creator, channel, category and LinkShare creator, from the kept state.
select k.creator_id, k.channel, k.category, lower(k.channel) = 'linkshare' as linkshare,
    sum(l.s_gmv)::bigint as gmv, sum(l.s_orders)::bigint as orders
from latest l join series_key k using (key_id)
where l.stream_id = $stream
group by grouping sets ((k.creator_id), (k.channel), (k.category), (k.creator_id, linkshare))

-- name: ranked_visible
-- The same from the facts, when part of them lies beyond the watermark.
with seen as (
    select key_id, gmv, orders from fact
    where stream_id = $stream and (observed_at <= $watermark or bucket + $size <= $watermark)
    union all
    select key_id, case when metric = 'gmv' then amount end,
        case when metric = 'orders' then amount end
    from correction
    where stream_id = $stream and (observed_at <= $watermark or bucket + $size <= $watermark)
)
select k.creator_id, k.channel, k.category, lower(k.channel) = 'linkshare' as linkshare,
    sum(s.gmv)::bigint as gmv, sum(s.orders)::bigint as orders
from seen s join series_key k using (key_id)
group by grouping sets ((k.creator_id), (k.channel), (k.category), (k.creator_id, linkshare))

-- name: since
-- What came per entity from an instant up to the watermark.
select k.creator_id, k.channel, k.category, lower(k.channel) = 'linkshare' as linkshare,
    sum(f.gmv)::bigint as gmv, sum(f.orders)::bigint as orders
from fact f join series_key k using (key_id)
where f.stream_id = $stream and f.bucket >= $since
    and (f.observed_at <= $watermark or f.bucket + $size <= $watermark)
group by grouping sets ((k.creator_id), (k.channel), (k.category), (k.creator_id, linkshare))
