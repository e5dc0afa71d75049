"""A query as a source: against SQLite, and against PostgreSQL and MariaDB as they really are."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.pool import NullPool

from monitor.errors import ConfigError
from monitor.ingest.sources.base import Cursor, Fetched, SourceTrouble
from monitor.ingest.sources.bookmark import Value
from monitor.ingest.sources.sql import SqlFeed
from monitor.settings import Settings, parse_settings
from tests.conftest import a_heart, load, totals_of
from tests.sources.servers import Server, mariadb, postgresql, program

NOW = datetime(2026, 11, 11, 4, 5, tzinfo=UTC)  # 12:05 in Kuala Lumpur
SALES = "select updated_at, channel, gmv, orders from sales where updated_at >= :since "
IN_ORDER = SALES + "order by updated_at"
ALL: dict[str, Any] = {"incremental": None, "columns": {}}  # the whole result each time
DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "sqlite": "sqlite"}
KINDS = {  # an instant without zone, exact money
    "sqlite": ("text", "text"),
    "postgresql": ("timestamp", "numeric(14,2)"),
    "mysql": ("datetime(6)", "decimal(14,2)"),
}


@dataclass
class Shop:
    """A database of another team, empty, and a feed's source that asks it."""

    url: str

    @property
    def kind(self) -> str:
        return make_url(self.url).get_backend_name()

    def run(self, *statements: str) -> None:
        url = make_url(self.url).set(drivername=DRIVERS[self.kind])
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        engine.dispose()

    def sales(self, *rows: tuple[str, str, str, int]) -> None:
        """Rows of (updated_at, channel, gmv, orders), into a table that is made when missing."""
        at, money = KINDS[self.kind]
        self.run(
            f"create table if not exists sales (updated_at {at}, channel varchar(40), "
            f"gmv {money}, orders int)",
            *(f"insert into sales values ('{a}', '{b}', '{c}', {d})" for a, b, c, d in rows),
        )

    def feed(self, **keys: object) -> SqlFeed:
        """By default `IN_ORDER` from 11.11 on, of the campaign `sale`, in Kuala Lumpur's time."""
        return feed_of(settings_of(self.url, **keys))


def settings_of(url: str, **keys: object) -> Settings:
    said: dict[str, object] = {
        "query": IN_ORDER,
        "incremental": "updated_at",
        "first": "2026-11-11 00:00:00",
        "timezone": "Asia/Kuala_Lumpur",
        "columns": {"observed_at": "updated_at"},
        **keys,
    }
    source = {"type": "sql", "url": url, **said}
    lines = "\n".join(f"{k} = {_toml(v)}" for k, v in source.items() if v is not None)
    campaigns = "".join(
        f'[[campaign]]\nid = "{name}"\nname = "{name}"\nkind = "custom"\nstart = {a}T00:00:00+08:00\n'
        f"end = {b}T00:00:00+08:00\n"
        for name, a, b in (
            ("sale", "2026-11-11", "2026-11-12"),
            ("late", "2026-11-13", "2026-11-14"),
        )
    )
    feed = f'[[feed]]\nid = "shop"\ncounter = "interval"\n[feed.source]\n{lines}\n'
    return parse_settings(campaigns + feed, Path("/nowhere/monitor.toml"))


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    return value.isoformat() if isinstance(value, datetime) else json.dumps(value)


def feed_of(settings: Settings) -> SqlFeed:
    return SqlFeed(settings.feed[0], settings)


def rows_of(*files: Fetched) -> list[dict[str, Any]]:
    return [json.loads(line) for file in files for line in file.content.splitlines()]


def polled(feed: SqlFeed, cursor: Cursor | None = None) -> list[Fetched]:
    """One poll; the cursors have been through JSON, as they are when the database kept them."""
    return list(feed.poll(json.loads(json.dumps(cursor or {})), NOW))


def trouble(feed: SqlFeed, cursor: Cursor | None = None) -> SourceTrouble:
    with pytest.raises(SourceTrouble) as caught:
        polled(feed, cursor)
    assert "-secret" not in str(caught.value)
    return caught.value


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    with postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Server]:
    with mariadb() as server:
        yield server


def _empty(server: Server) -> Shop:
    """A schema of its own in a server; MySQL calls it a database."""
    name = f"shop_{uuid.uuid4().hex[:8]}"
    url = make_url(server.url)
    engine = create_engine(
        url.set(drivername=DRIVERS[url.get_backend_name()]),
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        connection.execute(text(f"create schema {name}"))
    engine.dispose()
    if url.get_backend_name() == "mysql":
        url = url.set(database=name)
    else:
        url = url.update_query_dict({"options": f"-csearch_path={name}"})
    return Shop(url.render_as_string(hide_password=False))


@pytest.fixture
def sqlite(tmp_path: Path) -> Shop:
    return Shop(f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def postgres(postgres_server: Server) -> Shop:
    return _empty(postgres_server)


@pytest.fixture
def maria(mariadb_server: Server) -> Shop:
    return _empty(mariadb_server)


@pytest.fixture(params=["sqlite", "postgres", "maria"])
def shop(request: pytest.FixtureRequest) -> Shop:
    found: Shop = request.getfixturevalue(request.param)
    return found


# --- the same on all three ------------------------------------------------------------------------


def test_rows_become_canonical_lines_with_exact_money_and_the_zone_of_the_source(
    shop: Shop,
) -> None:
    shop.sales(("2026-11-11 12:00:00", "live", "19999999.99", 3))
    (file,) = polled(shop.feed())
    assert file.name == "shop-0001.jsonl"
    assert rows_of(file) == [
        {
            "observed_at": "2026-11-11T12:00:00+08:00",
            "campaign_id": "sale",
            "channel": "live",
            "gmv": "19999999.99",
            "orders": 3,
        }
    ]


def test_a_poll_goes_on_where_the_last_one_ended_and_a_quiet_table_gives_nothing(
    shop: Shop,
) -> None:
    shop.sales(
        ("2026-11-11 12:00:00", "live", "1.00", 1), ("2026-11-11 12:01:00", "card", "2.00", 1)
    )
    feed = shop.feed()
    (first,) = polled(feed)
    assert [row["channel"] for row in rows_of(first)] == ["live", "card"]
    assert polled(feed, first.cursor) == []
    assert polled(shop.feed(), first.cursor) == []  # after a restart
    shop.sales(("2026-11-11 12:02:00", "video", "3.00", 1))
    (second,) = polled(feed, first.cursor)
    assert [row["channel"] for row in rows_of(second)] == ["video"]


def test_a_row_that_shares_the_last_value_and_comes_later_is_not_lost(shop: Shop) -> None:
    shop.sales(("2026-11-11 12:00:00", "live", "1.00", 1))
    feed = shop.feed()
    (first,) = polled(feed)
    shop.sales(("2026-11-11 12:00:00", "card", "2.00", 1))
    (second,) = polled(feed, first.cursor)
    assert [row["channel"] for row in rows_of(second)] == ["card"]


def test_the_overlap_finds_rows_that_were_committed_late(shop: Shop) -> None:
    shop.sales(
        ("2026-11-11 12:00:00", "live", "1.00", 1), ("2026-11-11 12:09:00", "live", "5.00", 1)
    )
    plain, looking_back = shop.feed(), shop.feed(overlap="10m")
    (first,) = polled(plain)
    shop.sales(("2026-11-11 12:03:00", "card", "2.00", 1))
    assert polled(plain, first.cursor) == []
    (second,) = polled(looking_back, first.cursor)
    assert [row["channel"] for row in rows_of(second)] == ["card"]


def test_files_hold_limit_rows_and_each_says_where_to_go_on(shop: Shop) -> None:
    times = [f"2026-11-11 12:{minute:02d}:00" for minute in range(10)]
    shop.sales(*((at, "live", "1.00", number) for number, at in enumerate(times)))
    files = polled(shop.feed(limit=4))
    assert [len(rows_of(file)) for file in files] == [4, 4, 2]
    assert [file.name for file in files] == [f"shop-000{n}.jsonl" for n in (1, 2, 3)]
    again = polled(shop.feed(limit=4), files[0].cursor)
    assert [row["orders"] for row in rows_of(*again)] == [4, 5, 6, 7, 8, 9]


def test_rows_of_one_value_stay_in_one_file(shop: Shop) -> None:
    rows = [("2026-11-11 12:00:00", f"c{number}", "1.00", 1) for number in range(6)]
    shop.sales(*rows, ("2026-11-11 12:01:00", "last", "1.00", 1))
    assert [len(rows_of(file)) for file in polled(shop.feed(limit=4))] == [6, 1]


def test_a_poll_that_is_left_half_way_ends_the_connection_and_the_next_one_works(
    shop: Shop,
) -> None:
    shop.run("create table number (n integer)")
    many = ", ".join(f"({number})" for number in range(5000))
    shop.run(f"insert into number values {many}")
    query = "select n, n as orders from number where n >= :since order by n"
    feed = shop.feed(query=query, incremental="n", first=0, limit=100, columns={}, campaign="sale")
    files = iter(feed.poll({}, NOW))
    first = next(files)
    files.close()  # type: ignore[attr-defined]
    orders = [row["orders"] for row in rows_of(first, *polled(feed, first.cursor))]
    assert orders == list(range(5000))


def test_a_wrong_query_is_permanent_trouble_in_the_words_of_the_database(shop: Shop) -> None:
    shop.sales()
    for query, said in (
        ("selec 1 from sales where updated_at >= :since order by updated_at", "syntax"),
        (IN_ORDER.replace("sales", "slaes"), "slaes"),
        (IN_ORDER.replace("gmv", "gvm"), "gvm"),
    ):
        found = trouble(shop.feed(query=query))
        assert said in str(found)
        assert "does not take the query" in str(found)
        assert "check query" in str(found)
        assert found.permanent


def test_a_query_cannot_write(shop: Shop) -> None:
    shop.sales(("2026-11-11 12:00:00", "live", "1.00", 1))
    for query in ("delete from sales", "insert into sales (orders) values (5)"):
        found = trouble(shop.feed(query=query, incremental=None))
        assert found.permanent
    assert len(rows_of(*polled(shop.feed()))) == 1


def test_a_statement_that_takes_too_long_is_ended(shop: Shop) -> None:
    slow = {
        "sqlite": "with recursive r(n) as (select 1 union all select n + 1 from r) "
        "select max(n) as orders from r",
        "postgresql": "select 1 as orders, pg_sleep(60)",
        "mysql": "select 1 as orders, sleep(60)",
    }
    shop.sales()
    feed = shop.feed(query=slow[shop.kind], incremental=None, statement_timeout="1s", columns={})
    if shop.kind == "mysql":  # its sleep ends early without an error; a real scan does not
        shop.run(
            "create table wide (n int)",
            "insert into wide values " + ", ".join(["(1)"] * 3000),
        )
        feed = shop.feed(
            query="select count(distinct a.n * b.n + c.n) as orders from wide a, wide b, wide c",
            incremental=None,
            statement_timeout="1s",
        )
    found = trouble(feed)
    assert "no answer within 1 s" in str(found)
    assert "raise statement_timeout" in str(found)
    assert not found.permanent


def test_a_server_that_is_not_there_is_asked_again(shop: Shop) -> None:
    if shop.kind == "sqlite":
        found = trouble(shop.feed())
        assert str(found) == "feed shop: sqlite shop.db: there is no such file; check url"
        assert not Path(make_url(shop.url).database or "").exists()
        return
    url = make_url(shop.url).set(port=1)
    found = trouble(feed_of(settings_of(url.render_as_string(hide_password=False))))
    assert "cannot be reached" in str(found)
    assert "127.0.0.1:1" in str(found)
    assert not found.permanent


def test_a_wrong_password_is_permanent_and_never_said(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    if shop.kind == "sqlite":
        Path(make_url(shop.url).database or "").write_bytes(b"not a database, " * 100)
        found = trouble(shop.feed())
        assert "not a database" in str(found)
    else:
        caplog.set_level(logging.DEBUG)
        url = make_url(shop.url).set(password="wrong-secret")
        found = trouble(feed_of(settings_of(url.render_as_string(hide_password=False))))
        assert "owner" in str(found)
        assert "secret" not in caplog.text
        assert found.__cause__ is None
    assert found.permanent


# --- a connection that is lost ----------------------------------------------------------------


@pytest.mark.parametrize("which", ["postgres", "maria"])
def test_a_connection_lost_half_way_loses_no_row(
    which: str, request: pytest.FixtureRequest
) -> None:
    shop: Shop = request.getfixturevalue(which)
    shop.run("create table number (n integer, words varchar(2000))")
    shop.run("insert into number values " + ", ".join(f"({n}, ' ')" for n in range(10_000)))
    shop.run("update number set words = repeat('x', 2000)")  # more than sockets hold
    query = "select n, words, n as orders from number where n >= :since order by n"
    feed = shop.feed(query=query, incremental="n", first=0, limit=500, columns={}, campaign="sale")
    files: list[Fetched] = []

    def poll() -> None:
        for file in feed.poll({}, NOW):
            files.append(file)
            if len(files) == 2:
                shop.run(*kill_all_but_ours(shop))

    with pytest.raises(SourceTrouble, match="broke off while rows were read") as caught:
        poll()
    assert not caught.value.permanent
    assert 2 <= len(files) < 20
    rest = polled(feed, files[-1].cursor)
    orders = [row["orders"] for row in rows_of(*files, *rest)]
    assert orders == list(range(10_000))


def kill_all_but_ours(shop: Shop) -> list[str]:
    if shop.kind == "postgresql":
        return [
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        ]
    found: list[str] = []
    url = make_url(shop.url).set(drivername=DRIVERS["mysql"])
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        asked = text(
            "select id from information_schema.processlist where db = :db and id <> connection_id()"
        )
        found += [f"kill {row[0]}" for row in connection.execute(asked, {"db": url.database})]
    engine.dispose()
    return found


# --- kinds of incremental columns ------------------------------------------------------------------


@pytest.mark.parametrize("first", [7, "7"])
def test_numbers_and_text_serve_as_incremental_columns(shop: Shop, first: int | str) -> None:
    kind = "integer" if isinstance(first, int) else "varchar(10)"
    shop.run(f"create table tally (id {kind}, orders integer)")
    quote = "" if isinstance(first, int) else "'"
    values = ", ".join(f"({quote}{n}{quote}, {n})" for n in (6, 7, 8, 9))
    shop.run(f"insert into tally values {values}")
    query = "select id, orders from tally where id >= :since order by id"
    feed = shop.feed(query=query, incremental="id", first=first, columns={})
    (file,) = polled(feed)
    assert [row["orders"] for row in rows_of(file)] == [7, 8, 9]
    assert rows_of(file)[0]["observed_at"] == NOW.isoformat()
    assert file.cursor["last"]["value"] == "9"
    assert polled(feed, file.cursor) == []


def test_instants_with_a_zone_come_back_exactly_on_postgresql(postgres: Shop) -> None:
    postgres.run(
        "create table sales (updated_at timestamptz, gmv numeric)",
        "insert into sales values ('2026-11-11 12:00:00.123456+08', 1.5), "
        "('2026-11-11 12:00:00.123457+08', 2.50)",
    )
    query = "select updated_at, gmv from sales where updated_at >= :since order by updated_at"
    feed = postgres.feed(query=query, first=datetime(2026, 11, 11, tzinfo=UTC), timezone=None)
    (file,) = polled(feed)
    assert file.cursor["last"]["value"] == "2026-11-11T04:00:00.123457+00:00"
    assert [Decimal(row["gmv"]) for row in rows_of(file)] == [Decimal("1.5"), Decimal("2.5")]
    assert polled(feed, file.cursor) == []


def test_mysql_timestamps_are_read_in_the_zone_of_the_source(maria: Shop) -> None:
    maria.run(
        "create table sales (updated_at timestamp, gmv decimal(10,2))",
        "set time_zone = '+00:00'",
        "insert into sales values ('2026-11-11 04:00:00', 1.5), ('2026-11-10 15:59:59', 7)",
    )
    query = "select updated_at, gmv from sales where updated_at >= :since order by updated_at"
    (file,) = polled(maria.feed(query=query, first=datetime(2026, 11, 10, 16, tzinfo=UTC)))
    assert [row["observed_at"] for row in rows_of(file)] == ["2026-11-11T12:00:00+08:00"]


def test_a_query_may_cast_compare_text_and_hold_times(postgres: Shop) -> None:
    query = "select 2.5::numeric as gmv, '12:30:00' as note where 'a%b' like 'a\\%%'"
    (row,) = rows_of(*polled(postgres.feed(query=query, incremental=None, columns={})))
    assert row["gmv"] == "2.5"
    found = trouble(postgres.feed(query="select :day as gmv", incremental=None, columns={}))
    assert "'day'" in str(found)
    assert found.permanent


def test_a_value_that_cannot_be_read_is_told_and_not_asked_for_again_and_again(
    sqlite: Shop, postgres: Shop
) -> None:
    found = trouble(
        postgres.feed(query="select 'infinity'::date as observed_at, 1 as orders", **ALL)
    )
    assert "infinity" in str(found)
    assert found.permanent
    sqlite.run("create table one (n)")
    found = trouble(sqlite.feed(query="select cast(x'ff' as text) as channel, 1 as orders", **ALL))
    assert "decode" in str(found)
    assert found.permanent


def test_a_mysql_that_wants_tls_for_its_passwords_says_so(
    maria: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("'cryptography' package is required for caching_sha2_password")

    monkeypatch.setattr("pymysql.connections.Connection.connect", refuse)
    found = trouble(maria.feed())
    assert "only over TLS" in str(found)
    assert found.permanent


# --- rows ------------------------------------------------------------------------------------------


def of_one_row(sqlite: Shop, select: str, **keys: object) -> list[dict[str, Any]]:
    sqlite.run("create table if not exists one (n)")
    return rows_of(
        *polled(sqlite.feed(query=select, **{"incremental": None, "columns": {}, **keys}))
    )


def test_a_query_of_counters_as_they_stand_is_read_at_the_instant_of_asking(sqlite: Shop) -> None:
    (row,) = of_one_row(sqlite, "select 5 as orders, 2.5 as gmv")
    assert row == {"observed_at": NOW.isoformat(), "campaign_id": "sale", "orders": 5, "gmv": 2.5}


def test_ids_stay_text_of_all_their_digits(sqlite: Shop) -> None:
    (row,) = of_one_row(sqlite, "select 1729382256910270001 as creator_id, 1 as orders")
    assert row["creator_id"] == "1729382256910270001"
    (row,) = of_one_row(sqlite, "select 1.72938225691027e18 as creator_id, 1 as orders")
    assert "E+18" in row["creator_id"]  # its digits are gone: the reader refuses it


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("'2026-11-11T12:00:00+08:00'", "2026-11-11T12:00:00+08:00"),
        ("'2026-11-11 04:00:00Z'", "2026-11-11T04:00:00+00:00"),
        ("'2026-11-11 12:00:00'", "2026-11-11T12:00:00+08:00"),
        ("1794369600", "2026-11-11T04:00:00+00:00"),
        ("1794369600123", "2026-11-11T04:00:00.123000+00:00"),
        ("'2026-11-11'", "2026-11-11"),  # no time of day: the reader sets it aside
        ("'soon'", "soon"),
    ],
)
def test_instants_are_understood_or_handed_on_to_be_refused(
    sqlite: Shop, said: str, read: str
) -> None:
    (row,) = of_one_row(sqlite, f"select {said} as observed_at, 1 as orders", campaign="sale")
    assert row["observed_at"] == read


def test_an_instant_without_an_offset_asks_for_the_zone(sqlite: Shop) -> None:
    sqlite.sales(("2026-11-11 12:00:00", "live", "1.00", 1))
    found = trouble(sqlite.feed(timezone=None))
    assert 'timezone = "Asia/Kuala_Lumpur"' in str(found)
    assert found.permanent


def test_the_campaign_is_the_querys_else_the_option_else_all_that_are_near(sqlite: Shop) -> None:
    def ids(select: str, **keys: object) -> list[str]:
        return [row["campaign_id"] for row in of_one_row(sqlite, select, **keys)]

    at = "select '2026-11-12 12:00:00' as observed_at, 1 as orders"
    assert ids(at) == ["sale", "late"]
    assert ids(at, campaign="late") == ["late"]
    assert ids(at + ", 'mine' as campaign_id", campaign="late") == ["mine"]
    assert ids(at + ", null as campaign_id", campaign="late") == ["late"]
    assert ids("select '2026-10-01 12:00:00' as observed_at, 1 as orders") == []


def test_rows_outside_all_campaigns_are_passed_over_once(
    sqlite: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite.sales(
        ("2026-09-01 12:00:00", "live", "1.00", 1), ("2026-09-02 12:00:00", "live", "1.00", 1)
    )
    feed = sqlite.feed(first="2026-01-01 00:00:00")
    assert polled(feed) == []
    assert feed._database is not None
    asked: list[object] = []
    bound = feed._database._bound

    def noted(since: Value) -> Value:
        asked.append(since)
        return bound(since)

    monkeypatch.setattr(feed._database, "_bound", noted)
    sqlite.sales(("2026-11-11 12:00:00", "live", "1.00", 1))
    (file,) = polled(feed)
    assert asked == ["2026-09-02 12:00:00"]
    assert len(rows_of(file)) == 1


def test_columns_are_mapped_constants_stand_in_every_row_and_others_are_left_out(
    sqlite: Shop,
) -> None:
    (row,) = of_one_row(
        sqlite,
        "select 4 as paid, 'x' as note, 'ann' as host",
        columns={"orders": "PAID", "creator_id": "host"},
        constants={"channel": "live"},
    )
    assert {k: v for k, v in row.items() if k not in ("observed_at", "campaign_id")} == {
        "channel": "live",
        "orders": 4,
        "creator_id": "ann",
    }


def test_lines_of_orders_keep_their_own_time_and_state(sqlite: Shop) -> None:
    (row,) = of_one_row(
        sqlite,
        "select 17293 as order_id, 1 as item_id, '2026-11-11 12:00:00' as created, "
        "'completed' as state, 'live' as channel, '12.50' as gmv, 1 as items_sold",
        kind="orders",
        columns={"placed_at": "created"},
    )
    assert row == {
        "order_id": "17293",
        "item_id": "1",
        "placed_at": "2026-11-11T12:00:00+08:00",
        "state": "completed",
        "channel": "live",
        "gmv": "12.50",
        "items_sold": 1,
        "campaign_id": "sale",
    }


def test_what_a_poll_gives_is_taken_to_the_cent_and_repeated_rows_change_nothing(
    sqlite: Shop,
) -> None:
    minutes = [f"2026-11-11 12:{minute:02d}:00" for minute in range(20)]
    sqlite.sales(*((at, "live", f"{n}.01", n) for n, at in enumerate(minutes)))
    settings = settings_of(sqlite.url, overlap="10m", limit=7)
    heart = a_heart(settings)
    cursor: Cursor = {}
    for _ in range(3):
        for file in feed_of(settings).poll(cursor, NOW):
            assert [one.quarantined for one in load(heart, file.content)] == [0]
            cursor = {**file.cursor, "given": []}  # so that all of the overlap is given again
    (row,) = totals_of(heart)
    assert (row["gmv"], row["orders"]) == (190.20, 190)


def test_lines_of_orders_are_recognised_and_taken_once_an_order(sqlite: Shop) -> None:
    sqlite.run(
        "create table line (order_no, item, created, state, paid, changed integer)",
        "insert into line values (1729382256910270001, 1, '2026-11-11 12:00:00', 'placed', '10.10', 1)",
        "insert into line values (1729382256910270001, 2, '2026-11-11 12:00:00', 'placed', '0.05', 2)",
        "insert into line values (1729382256910270002, 1, '2026-11-11 12:01:00', 'placed', '3.00', 3)",
    )
    settings = settings_of(
        sqlite.url,
        kind="orders",
        query="select * from line where changed >= :since order by changed",
        incremental="changed",
        first=0,
        columns={"order_id": "order_no", "item_id": "item", "placed_at": "created", "gmv": "paid"},
    )
    heart = a_heart(settings)
    (file,) = polled(feed_of(settings))
    (loaded,) = load(heart, file.content)
    assert (loaded.format, loaded.status, loaded.quarantined) == ("canonical_orders", "taken", 0)
    (row,) = totals_of(heart)
    assert (row["gmv"], row["orders"]) == (13.15, 2)


def test_blanks_stay_blank(sqlite: Shop) -> None:
    (row,) = of_one_row(sqlite, "select null as gmv, 1 as orders, null as channel")
    assert row["gmv"] is None
    assert row["channel"] is None


def test_a_result_that_has_not_changed_gives_no_file(sqlite: Shop) -> None:
    sqlite.sales(
        ("2026-11-11 12:00:00", "live", "1.00", 1), ("2026-11-11 12:01:00", "live", "2.00", 1)
    )
    keys: dict[str, object] = {"query": SALES.split("where")[0], "incremental": None, "limit": 1}
    files = polled(sqlite.feed(**keys))
    assert len(files) == 2
    assert polled(sqlite.feed(**keys), files[-1].cursor) == []
    sqlite.run("update sales set orders = 9 where gmv = '2.00'")
    (changed,) = polled(sqlite.feed(**keys), files[-1].cursor)
    assert [row["orders"] for row in rows_of(changed)] == [9]


# --- what the query must give ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            {"columns": {"gmv": "total"}},
            "the query gives no column 'total'; it gives updated_at, channel",
        ),
        (
            {"query": IN_ORDER.replace("updated_at, ", "", 1)},
            "the query gives no column 'updated_at'",
        ),
        ({"query": IN_ORDER.replace(", gmv, orders", "")}, "gives no a metric"),
        ({"query": IN_ORDER.replace("gmv,", "orders as gmv, gmv,")}, "two columns 'gmv'"),
        ({"query": IN_ORDER + " desc"}, "falls from 2026-11-12 00:01:00 to 2026-11-11"),
        ({"kind": "orders", "columns": {}}, "the query gives no order_id"),
        ({"overlap": 5}, "overlap does not fit"),
    ],
)
def test_a_query_that_does_not_fit_its_mapping_is_told_what_it_gives(
    sqlite: Shop, keys: dict[str, object], said: str
) -> None:
    sqlite.sales(
        ("2026-11-11 12:00:00", "live", "1.00", 1), ("2026-11-12 00:01:00", "card", "2.00", 1)
    )
    feed = sqlite.feed(**keys)
    (first,) = polled(sqlite.feed())
    found = trouble(feed, first.cursor if "overlap" in keys else None)
    assert said in str(found)
    assert found.permanent


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"query": "select 1 as orders"}, "ask for rows from :since on (updated_at >= :since)"),
        ({"query": IN_ORDER.replace(">=", ">")}, "would lose rows that share the last value"),
        ({"query": SALES}, "end it with ORDER BY updated_at"),
        ({"first": None}, "first: say where to begin"),
        ({"incremental": None}, "name its column in incremental"),
        ({"columns": {"revenue": "gmv"}}, "columns.revenue: no column; known: observed_at"),
        ({"constants": {"observed_at": "x"}}, "'observed_at' stands in columns and in constants"),
        ({"timezone": "Malaysia"}, "'Malaysia': no IANA time zone"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_at_start(
    keys: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of("postgresql://me:pa-secret@host/db", **keys)
    assert said in str(caught.value)
    assert "-secret" not in str(caught.value)


def test_a_url_that_is_none_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of("oracle://me:pa-secret@host/db")
    assert "begin it with sqlite:///" in str(caught.value)
    assert "-secret" not in str(caught.value)
    assert "secret" not in repr(settings_of("mysql://me:pa-secret@host/db"))


def test_the_url_may_be_kept_in_the_environment_or_in_a_file(
    sqlite: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite.sales(("2026-11-11 12:00:00", "live", "1.00", 1))
    assert "the environment variable SHOP_URL is not set" in str(
        trouble(feed_of(settings_of("env:SHOP_URL")))
    )
    monkeypatch.setenv("SHOP_URL", sqlite.url)
    assert len(polled(feed_of(settings_of("env:SHOP_URL")))) == 1
    at_home = settings_of("file:url.txt", home=str(tmp_path))
    assert "cannot be read" in str(trouble(feed_of(at_home)))
    (tmp_path / "url.txt").write_text("sqlite:///shop.db\n")
    assert len(polled(feed_of(at_home))) == 1  # paths count from home


def test_a_missing_server_program_is_skipped_in_words_and_with_no_skip_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_SKIP", "")
    with pytest.raises(pytest.skip.Exception, match=r"no no-such-server here; .* apt-get install"):
        program("no-such-server")
    monkeypatch.setenv("NO_SKIP", "1")
    with pytest.raises(pytest.fail.Exception, match="no no-such-server here, and NO_SKIP is set"):
        program("no-such-server")
