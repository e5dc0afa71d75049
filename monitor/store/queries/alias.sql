-- name: all
select format, label, field, who, "at" from alias order by "at" desc, format, label

-- name: learn
insert or replace into alias (format, label, field, who, "at") values (?, ?, ?, ?, ?)

-- name: forget
delete from alias where format = ? and label = ?
