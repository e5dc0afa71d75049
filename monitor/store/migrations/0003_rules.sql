-- Rules in versions. Both tables are only ever appended to.

create table rule_version (
    version bigint not null,             -- 1, 2, 3 …
    origin text not null check (origin in ('file', 'person')),
    text text not null,                  -- TOML, as in data/rules.toml
    file_digest text not null,           -- of the rules file when it was saved
    who text not null,                   -- '' for a file
    note text not null,
    "at" timestamp not null
);

create table rule_in_force (             -- from when on a version judged
    version bigint not null,
    since timestamp not null             -- the `now` of its first tick
);
