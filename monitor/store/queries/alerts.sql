-- name: signals
select rule, scope_key, state, hold, episode, judged_to, since, served_ms
from signal where campaign_id = ? order by rule, scope_key

-- name: forget_signals
delete from signal where campaign_id = ?

-- name: all
select id, open_key, alert_key, campaign_id, rule, kind, metric, scope, severity, status, substate,
    verdict, reason, breach_start, breach_end, opened_at, due_at, found_late, resolved_at,
    resolve_reason, resolve_event, episodes, observed, expected, covered_by, headline, version
from alert where campaign_id = ? or ? = '' order by id

-- name: next_id
select coalesce(max(id), 0) + 1 from alert

-- name: forget
delete from alert where id = ?

-- name: audit_next
select coalesce(max(audit_id), 0) + 1 from audit

-- name: history
select subject, "at", actor, what, note from audit where subject like 'alert:%' order by audit_id

-- name: unmended_refusals
-- Refused files after which their feed has delivered nothing readable.
select feed_id, max_by(file, seq), max_by(reason, seq), max(last_arrived_at)
from batch b where status = 'refused'
    and not exists (
        select 1 from batch n
        where n.feed_id = b.feed_id and n.status = 'taken' and n.seq > b.seq
    )
group by feed_id order by feed_id
