"""One connection to one file, a cursor per thread, one `transaction()`."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from monitor.campaigns.words import DIMENSIONS
from monitor.errors import MonitorError, StoreHeld
from monitor.store.migrate import migrate

QUERIES = Path(__file__).parent / "queries"


@functools.cache
def queries() -> dict[str, str]:
    """All named queries: `-- name: x` in `queries/noun.sql` is `noun.x`."""
    found: dict[str, str] = {}
    for path in sorted(QUERIES.glob("*.sql")):
        parts = re.split(r"^-- name: (\w+)\s*$", path.read_text(encoding="utf-8"), flags=re.M)
        for name, text in zip(parts[1::2], parts[2::2], strict=True):
            found[f"{path.stem}.{name}"] = text.strip().rstrip(";")
    return found


class Store:
    """The database. Reads may run in any thread; writes belong to the one ticking thread."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path | None) -> None:
        self.path = path
        self._con = con
        self._local = threading.local()
        self._writing = threading.RLock()
        self._closed = False

    @property
    def cursor(self) -> duckdb.DuckDBPyConnection:
        """This thread's own cursor."""
        if self._closed:
            raise MonitorError("the database is closed")
        if getattr(self._local, "of", None) is not self._con:
            self._local.cursor = self._con.cursor()
            self._local.cursor.execute("set TimeZone = 'UTC'")
            self._local.cursor.execute("set enable_progress_bar = false")  # standard output is ours
            self._local.of = self._con
        return self._local.cursor  # type: ignore[no-any-return]

    def run(self, query: str, parameters: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        """Execute a named query (`noun.name`) in this thread."""
        return self.cursor.execute(queries()[query], list(parameters))

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.run(query, parameters).fetchall()

    def one(self, query: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...]:
        return self.rows(query, parameters)[0]

    def table(self, query: str, parameters: Sequence[Any] = ()) -> pa.Table:
        return self.run(query, parameters).to_arrow_table()

    def arrays(self, query: str, parameters: Sequence[Any] = ()) -> dict[str, np.ndarray]:
        """Columns as numpy arrays, masked where they hold NULL."""
        return self.run(query, parameters).fetchnumpy()

    def grouped(
        self, query: str, by: Sequence[str], parameters: dict[str, Any]
    ) -> list[tuple[Any, ...]]:
        """Run a query with `{group}` and `{group_by}`; `by` are names of dimension columns.

        Only names of dimensions ever get into the text of a query.
        """
        self._check_dimensions(by)
        names = ", ".join(by)
        text = queries()[query].format(
            group=f"{names}, " if by else "",
            group_by=f"group by {names} order by {names}" if by else "",
        )
        return self.cursor.execute(text, parameters).fetchall()

    def rows_named(self, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Rows of a query whose parameters have names (`$stream`)."""
        return self.cursor.execute(queries()[query], parameters).fetchall()

    @staticmethod
    def _check_dimensions(names: Sequence[str]) -> None:
        if unknown := [name for name in names if name not in DIMENSIONS]:
            raise MonitorError(f"{unknown[0]!r} is no dimension; known: {', '.join(DIMENSIONS)}")

    def append(self, table: str, rows: pa.Table) -> None:
        """Append an Arrow table whose columns are named like the table's."""
        if rows.num_rows == 0:
            return
        columns = ", ".join(f'"{name}"' for name in rows.column_names)
        cursor = self.cursor
        cursor.register("incoming_rows", rows)
        try:
            cursor.execute(f"insert into {table} ({columns}) select {columns} from incoming_rows")
        finally:
            cursor.unregister("incoming_rows")

    @contextlib.contextmanager
    def lent(self, name: str, rows: pa.Table) -> Iterator[None]:
        """Let queries of this thread read an Arrow table by `name`."""
        self.cursor.register(name, rows)
        try:
            yield
        finally:
            self.cursor.unregister(name)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Only one at a time in the process."""
        with self._writing:
            cursor = self.cursor
            cursor.execute("begin")
            try:
                yield
                cursor.execute("commit")
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    cursor.execute("rollback")
                raise

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file; run by housekeeping, not by ticks."""
        with self._writing:
            self.cursor.execute("checkpoint")

    def revive(self) -> bool:
        """Open the file anew if DuckDB has given up on it; says whether it had.

        A checkpoint on a full disk leaves every connection of the process useless for good. Nothing is
        lost: what was committed stands in the file and its log.
        """
        with self._writing:
            try:
                self.cursor.execute("select 1")
                return False
            except (duckdb.FatalException, duckdb.ConnectionException):
                self._con.close()  # and all its cursors, else DuckDB would hand out the dead one again
                self._con = _connect(self.path)
                return True

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._con.close()


def open_store(path: Path | None) -> Store:
    """Open (and create, and migrate) the database; `None` is one in memory.

    Raises StoreHeld when another process has the file, naming it and, if it is the running product,
    the address that answers the same questions.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    try:
        con = _connect(path)
    except duckdb.IOException as e:
        raise _held(path, str(e)) from e
    except duckdb.Error as e:
        raise MonitorError(f"{path}: not a database this version can open: {e}") from e
    try:
        con.execute("set TimeZone = 'UTC'")
        migrate(con)
    except BaseException:
        con.close()
        raise
    return Store(con, path)


def _connect(path: Path | None) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        str(path) if path else ":memory:",
        config={"checkpoint_threshold": "1GB", "autoinstall_known_extensions": "false"},
    )


def note_path(db: Path) -> Path:
    """Where the running product says who it is: beside the database it holds."""
    return db.with_name(db.name + ".serving.json")


def _held(path: Path | None, message: str) -> MonitorError:
    match = re.search(r"Conflicting lock is held in (.+?) \(PID (\d+)\)", message)
    if not match and "being used by another process" not in message:
        return MonitorError(f"{path}: cannot be opened: {message}")
    holder = f"{match[1]} (process {match[2]})" if match else "another process"
    hint = "stop it, or wait until it is done"
    if path is not None and note_path(path).exists():
        with contextlib.suppress(OSError, ValueError, KeyError):
            note = json.loads(note_path(path).read_text(encoding="utf-8"))
            if not match or str(note["pid"]) == match[2]:
                hint = f"it is the running product: ask {note['url']} instead"
    return StoreHeld(f"{path}: held by {holder}; {hint}")
