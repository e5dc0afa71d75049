-- Undo, learned column names, orders, and where each source goes on.

alter table batch add column undone_at timestamp;      -- NULL: in force
alter table batch add column undone_by text;
alter table batch add column who text default '';      -- who imported it; '' for a source
alter table batch add column note text default '{}';   -- JSON: campaign and instant given for it
alter table stream add column kind text default 'snapshots';  -- or 'orders': from order_line
alter table instant add column closes boolean default true;  -- false: an export of a period

create table held (                      -- rows known at arrival: they speak again if others are undone
    stream_id integer not null,
    observed_at timestamp not null,
    key_id integer not null,
    gmv bigint, orders bigint, items_sold bigint, visitors bigint,
    impressions bigint, clicks bigint, refunds bigint, commission bigint,
    complete_through timestamp,
    ord bigint not null
);

create table period_reading (            -- snapshots that close no bucket
    stream_id integer not null,
    observed_at timestamp not null,
    seq bigint not null                  -- the batch it came in
);

create table order_line (                -- every line of every order as it came; the last arrival wins
    stream_id integer not null,
    order_id text not null,
    item_id text not null,
    placed_at timestamp not null,
    key_id integer not null,
    state text not null,
    gmv bigint,
    orders bigint,                       -- NULL: one an order, whatever its number of lines
    items_sold bigint, visitors bigint, impressions bigint, clicks bigint,
    refunds bigint, commission bigint,
    ord bigint not null
);

create table alias (                     -- a column name that a person explained, once for all
    format text not null,
    label text not null,                 -- as it stands in the file, normalised
    field text not null,                 -- what it is in the format
    who text not null,
    "at" timestamp not null,
    primary key (format, label)
);

create table source_cursor (             -- where each asked source goes on; one row a feed
    feed_id text not null,
    cursor text not null,                -- JSON
    "at" timestamp not null
);

-- Without its key: rows that are deleted and written again in one transaction make DuckDB 1.5.5 abort
-- the process when the commit cannot be written (disk full) and it takes the index back.
alter table signal rename to signal_1;
create table signal (                    -- the evaluator's state, one row a campaign, rule and scope
    campaign_id text not null,
    rule text not null,
    scope_key text not null,
    state text not null check (state in ('normal', 'pending', 'firing', 'recovering')),
    hold text,
    episode integer not null,
    judged_to timestamp,
    since timestamp,
    served_ms bigint not null
);
insert into signal select * from signal_1;
drop table signal_1;
