-- name: versions
select v.version, v.origin, v.text, v.file_digest, v.who, v.note, v."at", min(f.since)
from rule_version v left join rule_in_force f using (version)
group by all order by v.version desc limit ?

-- name: version
select version, origin, text, file_digest, who, note, "at", null::timestamp
from rule_version where version = ?

-- name: saved
-- What people saved last, newest first.
select version, origin, text, file_digest, who, note, "at", null::timestamp
from rule_version where origin = 'person' order by version desc limit 20

-- name: newest
select version, origin, text, file_digest, who, note, "at", null::timestamp
from rule_version order by version desc limit 1

-- name: keep
insert into rule_version (version, origin, text, file_digest, who, note, "at")
values (?, ?, ?, ?, ?, ?, ?)

-- name: in_force
-- The version that judges at an instant, and since when.
select version, since from rule_in_force where since <= ? order by since desc, version desc limit 1

-- name: last_in_force
select version from rule_in_force order by since desc, version desc limit 1

-- name: enforce
insert into rule_in_force (version, since) values (?, ?)

-- name: data_mark
-- Changes whenever the data of a campaign does; 0 while it has none.
select coalesce(max(seq), 0), count(undone_at) from batch
where status = 'taken' and list_contains(string_split(campaigns, ','), ?)
