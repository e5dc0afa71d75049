"""Numbered migrations (`migrations/0001_name.sql`), each in a transaction with its record."""

from __future__ import annotations

from pathlib import Path

import duckdb

from monitor.errors import MonitorError

FOLDER = Path(__file__).parent / "migrations"


def migrate(con: duckdb.DuckDBPyConnection) -> None:
    """Bring the database to the newest schema; refuse one that a newer version has written."""
    con.execute(
        "create table if not exists migration (number integer primary key, name text not null)"
    )
    done = {row[0] for row in con.execute("select number from migration").fetchall()}
    files = {int(path.name[:4]): path for path in sorted(FOLDER.glob("*.sql"))}
    newer = done - files.keys()
    if newer:
        raise MonitorError(
            f"the database has migration {max(newer)}, which this version does not know: "
            "update the product, or open another database with --db"
        )
    for number, path in files.items():
        if number in done:
            continue
        con.execute("begin")
        try:
            con.execute(path.read_text(encoding="utf-8"))
            con.execute("insert into migration (number, name) values (?, ?)", [number, path.name])
            con.execute("commit")
        except duckdb.Error:
            con.execute("rollback")
            raise
