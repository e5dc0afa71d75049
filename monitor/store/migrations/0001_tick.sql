-- All instants are UTC. Every metric is a whole number of hundredths (cents, hundredths of a count),
-- so that sums are exact and do not depend on their order. NULL is unknown, never 0.

create table batch (                     -- the ledger: one row per distinct content that arrived
    batch_id text primary key,           -- hash of feed, override and bytes: the unit of idempotency
    seq bigint not null unique,          -- order of arrival
    feed_id text not null,
    file text not null,
    format text not null,
    status text not null check (status in ('taken', 'known', 'refused', 'needs_mapping')),
    reason text,
    arrived_at timestamp not null,
    last_arrived_at timestamp not null,
    arrivals bigint not null default 1,
    rows_read bigint not null,
    taken bigint not null,
    quarantined bigint not null,
    known bigint not null,
    campaigns text not null default '',  -- ids, comma separated
    summary text not null default '{}'   -- JSON: columns, totals, as `ingest --json` prints them
);

create table quarantine (
    seq bigint not null,                 -- the batch it came in
    feed_id text not null,
    campaign_id text,
    file text not null,
    line bigint not null,
    "column" text not null,
    value text,
    reason text not null,
    "at" timestamp not null
);

create table stream (                    -- one feed in one campaign
    stream_id integer primary key,
    feed_id text not null,
    campaign_id text not null,
    unique (feed_id, campaign_id)
);

create table series_key (                -- one combination of dimension values; '' is unknown
    key_id integer not null,
    channel text not null, category text not null, creator_id text not null, shop_id text not null,
    product_id text not null, live_id text not null, slot_id text not null
);

create table snapshot (                  -- every reading ever taken, as it came; never changed
    stream_id integer not null,
    observed_at timestamp not null,
    key_id integer not null,
    gmv bigint, orders bigint, items_sold bigint, visitors bigint,
    impressions bigint, clicks bigint, refunds bigint, commission bigint,
    complete_through timestamp,
    ord bigint not null                  -- arrival: batch seq * 2^32 + line; the larger one wins
);

create table instant (                   -- one row per snapshot of a stream
    stream_id integer not null,
    observed_at timestamp not null,
    watermark timestamp not null         -- least complete_through among its rows
);

create table latest (                    -- the fold's state per key: last value, when read, sum so far
    stream_id integer not null,
    key_id integer not null,
    day integer not null,                -- local date ordinal of the last reading
    v_gmv bigint, v_orders bigint, v_items_sold bigint, v_visitors bigint,
    v_impressions bigint, v_clicks bigint, v_refunds bigint, v_commission bigint,
    t_gmv bigint, t_orders bigint, t_items_sold bigint, t_visitors bigint,
    t_impressions bigint, t_clicks bigint, t_refunds bigint, t_commission bigint,
    s_gmv bigint, s_orders bigint, s_items_sold bigint, s_visitors bigint,
    s_impressions bigint, s_clicks bigint, s_refunds bigint, s_commission bigint
);

create table fact (                      -- increases per bucket and key, one row per reading that gave it
    stream_id integer not null,
    bucket timestamp not null,
    observed_at timestamp not null,
    key_id integer not null,
    gmv bigint, orders bigint, items_sold bigint, visitors bigint,
    impressions bigint, clicks bigint, refunds bigint, commission bigint
);

create table rollup (                    -- fact summed over the keys of one channel and category
    stream_id integer not null,
    bucket timestamp not null,
    observed_at timestamp not null,
    channel text not null,
    category text not null,
    gmv bigint, orders bigint, items_sold bigint, visitors bigint,
    impressions bigint, clicks bigint, refunds bigint, commission bigint
);

create table correction (                -- a counter fell on one local date: booked, left out by rules
    stream_id integer not null,
    bucket timestamp not null,
    observed_at timestamp not null,
    key_id integer not null,
    metric text not null,
    amount bigint not null
);

create table missing (                   -- usual volume of the keys that a snapshot lacks
    stream_id integer not null,
    observed_at timestamp not null,
    channel text not null,
    category text not null,
    gmv bigint, orders bigint, items_sold bigint, visitors bigint,
    impressions bigint, clicks bigint, refunds bigint, commission bigint
);

create table signal (                    -- the evaluator's state for one rule and scope
    campaign_id text not null,
    rule text not null,
    scope_key text not null,
    state text not null check (state in ('normal', 'pending', 'firing', 'recovering')),
    hold text,                           -- why the last bucket could not be judged
    episode integer not null,
    judged_to timestamp,                 -- end of the last bucket judged
    since timestamp,                     -- start of the first bucket of the breach
    served_ms bigint not null,           -- judged time in this state
    primary key (campaign_id, rule, scope_key)
);

create table alert (
    id integer primary key,
    open_key text unique,                -- NULL once resolved: one open alert per key
    alert_key text not null,
    campaign_id text not null,
    rule text not null,
    kind text not null,
    metric text,
    scope text not null,                 -- JSON
    severity text not null check (severity in ('info', 'warning', 'critical')),
    status text not null check (status in ('open', 'acknowledged', 'resolved')),
    substate text not null,
    verdict text,
    reason text,
    breach_start timestamp,
    breach_end timestamp,                -- end of the last bucket that counts
    opened_at timestamp not null,
    due_at timestamp not null,
    found_late boolean not null,
    resolved_at timestamp,
    resolve_reason text,
    resolve_event timestamp,             -- event time of the resolve: late data never reopens
    episodes text not null,              -- JSON
    observed bigint,
    expected bigint,
    covered_by integer,
    headline text not null,
    version integer not null default 1
);

create table audit (
    audit_id bigint not null,
    "at" timestamp not null,
    actor text not null,
    subject text not null,               -- such as `alert:12`
    what text not null,
    note text not null default ''
);

create table ticked (                    -- one row: the last committed tick
    one_row boolean primary key check (one_row),
    "at" timestamp not null,
    generation bigint not null
);

create table configuration (             -- the last configuration used with this database
    one_row boolean primary key check (one_row),
    path text not null,
    text text not null
);
