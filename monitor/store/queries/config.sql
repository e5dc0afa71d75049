-- name: keep
insert or replace into configuration values (true, ?, ?)

-- name: kept
select path, text from configuration
