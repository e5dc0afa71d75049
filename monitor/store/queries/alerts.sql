-- name: signals
select rule, scope_key, state, hold, episode, judged_to, since, served_ms
from signal where campaign_id = ? order by rule, scope_key

-- name: forget_signals
delete from signal where campaign_id = ?

-- name: all
select id, open_key, alert_key, campaign_id, rule, kind, metric, scope, severity, status, substate,
    verdict, reason, breach_start, breach_end, opened_at, due_at, found_late, resolved_at,
    resolve_reason, resolve_event, episodes, observed, expected, at_risk,
    at_risk_hour, observed_rate, expected_rate, covered_by, headline, version
from alert where campaign_id = ? or ? = '' order by id

-- name: next_id
select coalesce(max(id), 0) + 1 from alert

-- name: forget
delete from alert where id = ?

-- name: audit_next
select coalesce(max(audit_id), 0) + 1 from audit

-- name: history
select subject, "at", actor, what, note from audit where subject like 'alert:%' order by audit_id

-- name: file_troubles
-- Per feed and kind the newest file that waits for somebody, and how many: refused ones after which
-- the feed has delivered nothing readable; those whose columns nobody has explained; and, of the last
-- files for a campaign, those with too large a share of their rows in quarantine.
with in_force as (
    select *, row_number() over (partition by feed_id, status order by seq desc) as place,
        max(seq) filter (status = 'taken') over (partition by feed_id) as readable
    from (select * from batch where undone_at is null order by seq desc limit 1000)
), troubles as (
    select 'refused_file' as rule, * from in_force
    where status = 'refused' and seq > coalesce(readable, 0)
    union all
    select 'needs_mapping', * from in_force where status = 'needs_mapping'
    union all
    select 'quarantine', * from in_force
    where status = 'taken' and rows_read > 0 and quarantined / rows_read > ? and place <= ?
        and list_contains(string_split(campaigns, ','), ?)
)
select rule, feed_id, max_by(file, seq), max_by(coalesce(reason, ''), seq),
    case rule when 'quarantine' then max_by(arrived_at, seq) else max(last_arrived_at) end,
    count(*), max_by(quarantined / greatest(rows_read, 1), seq)
from troubles group by rule, feed_id order by rule, feed_id

-- name: arrivals
-- Per feed, when the newest file with rows for a campaign came.
select feed_id, max(arrived_at) from batch
where status = 'taken' and undone_at is null
    and list_contains(string_split(campaigns, ','), ?)
group by feed_id order by feed_id

-- name: moves
-- What each snapshot up to the watermark added to a counter, over all keys.
select observed_at, sum(gmv)::bigint, sum(orders)::bigint, sum(items_sold)::bigint,
    sum(visitors)::bigint, sum(impressions)::bigint, sum(clicks)::bigint, sum(refunds)::bigint,
    sum(commission)::bigint
from rollup where stream_id = ? and observed_at <= ?
group by observed_at
having count(gmv) + count(orders) + count(items_sold) + count(visitors) + count(impressions)
    + count(clicks) + count(refunds) + count(commission) > 0
order by observed_at

-- name: falls
select observed_at, metric, sum(amount)::bigint from correction
where stream_id = ? and observed_at <= ? group by all order by all

-- name: fallen
-- One metric of every key in one snapshot: what it reads, and by how much it fell there (<= 0).
with said as (
    select key_id, ord, case ?
        when 'gmv' then gmv when 'orders' then orders when 'items_sold' then items_sold
        when 'visitors' then visitors when 'impressions' then impressions
        when 'clicks' then clicks when 'refunds' then refunds when 'commission' then commission
    end as value
    from snapshot where stream_id = ? and observed_at = ?
), reads as (
    select key_id, arg_max(value, ord) as value from said where value is not null group by key_id
), fell as (
    select key_id, sum(amount)::bigint as amount from correction
    where stream_id = ? and metric = ? and observed_at = ? group by key_id
)
select r.value, coalesce(f.amount, 0) from reads r left join fell f using (key_id) order by r.key_id
