"""Other teams' databases: opened for one read-only query, with time-outs, and errors in words.

SQLite, PostgreSQL and MySQL (MariaDB) through SQLAlchemy. Rows come a page at a time, so a large
result needs no memory. Nothing that is said here holds a password or a value of a row.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    NoSuchModuleError,
    SQLAlchemyError,
)
from sqlalchemy.pool import NullPool

from monitor.ingest.sources.base import SourceTrouble
from monitor.ingest.sources.bookmark import Value
from monitor.ingest.sources.secrets import resolved
from monitor.sources import SqlSource

PAGE = 1000
DRIVERS = {"sqlite": "pysqlite", "postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
# What asking again cannot mend: SQLSTATE classes of PostgreSQL, error numbers of MySQL, and words.
WRONG_STATES = ("42", "28", "3D", "22", "25006")
WRONG_NUMBERS = {1044, 1045, 1049, 1052, 1054, 1064, 1142, 1143, 1146, 1149, 1290, 1305, 1792}
WRONG_WORDS = re.compile(
    r"syntax error|no such (table|column|function)|ambiguous column|readonly database|not a database"
    r"|incomplete input|password authentication failed|no pg_hba.conf entry|does not exist"
    r"|unrecognized token|no password supplied|Could not decode",
)
TOO_SLOW_STATES, TOO_SLOW_NUMBERS = ("57014",), {1969, 3024}
TOO_SLOW_WORDS = re.compile(r"^interrupted$|timed out")


@dataclass(frozen=True)
class Answer:
    """Labels of the columns, and the rows while the connection is open."""

    labels: tuple[str, ...]
    rows: Iterator[Sequence[Any]]


class Database:
    """One source's database. `name` may be shown: it has neither user nor password."""

    def __init__(self, source: SqlSource) -> None:
        self.source = source
        self.zone: tzinfo = ZoneInfo(source.timezone) if source.timezone else UTC
        self.url = _url(source)
        self.name = _name(self.url)
        self._deadline_s = 0.0
        self._engine = self._made()

    @property
    def kind(self) -> str:
        """sqlite postgresql mysql."""
        return "mysql" if self.url.get_backend_name() == "mariadb" else self.url.get_backend_name()

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def asked(self, since: Value | None, now: datetime) -> Iterator[Answer]:
        """The answer to the source's query. Raises SourceTrouble, also while rows are read."""
        stage = "cannot be reached"
        try:
            if self.kind == "sqlite" and not Path(self.url.database or "").is_file():
                raise SourceTrouble(
                    f"{self.name}: there is no such file; check url", permanent=True
                )
            with self._engine.connect() as connection:
                stage = "does not take the query"
                self._prepare(connection, now)
                parameters = {} if since is None else {"since": self._bound(since)}
                self._deadline_s = time.monotonic() + self.source.statement_timeout.total_seconds()
                query = text(self.source.query.strip().rstrip(";"))
                with connection.execute(query, parameters) as result:
                    if not result.returns_rows:
                        raise SourceTrouble(
                            f"{self.name}: the query gives no rows; write a SELECT", permanent=True
                        )
                    stage = "broke off while rows were read"
                    # Left early, PyMySQL reads the rest first: statement_timeout bounds that.
                    yield Answer(tuple(result.keys()), self._rows(result.partitions(PAGE)))
        except DBAPIError as e:
            raise self._trouble(e, stage) from None
        except SQLAlchemyError as e:
            words = str(e).split("\n", 1)[0][:300]
            raise SourceTrouble(f"{self.name} {stage}: {words}", permanent=True) from None
        except RuntimeError as e:  # PyMySQL at a MySQL 8 without TLS
            if "sha2_password" not in str(e):
                raise
            raise SourceTrouble(
                f"{self.name} takes this user's password only over TLS; turn TLS on at the server",
                permanent=True,
            ) from None
        except UnicodeDecodeError as e:
            raise SourceTrouble(
                f"{self.name}: text in the result is not {e.encoding} (byte {e.start}); "
                "write a CAST or CONVERT into the query",
                permanent=True,
            ) from None

    def _rows(self, pages: Iterator[Sequence[Sequence[Any]]]) -> Iterator[Sequence[Any]]:
        for page in pages:
            yield from page
            self._deadline_s = time.monotonic() + self.source.statement_timeout.total_seconds()

    def _made(self) -> Engine:
        connect_s = max(int(self.source.connect_timeout.total_seconds()), 1)
        statement_s = self.source.statement_timeout.total_seconds()
        given: dict[str, dict[str, object]] = {
            "sqlite": {"timeout": connect_s},
            "postgresql": {
                "connect_timeout": max(connect_s, 2),
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
            },
            # the server's own limit speaks first; this one is for a server that says nothing at all
            "mysql": {
                "connect_timeout": connect_s,
                "read_timeout": statement_s + 5,
                "write_timeout": statement_s + 5,
            },
        }
        try:
            engine = create_engine(
                self.url, poolclass=NullPool, hide_parameters=True, connect_args=given[self.kind]
            )
            event.listen(engine, "handle_error", _let_go)
            return engine
        except (NoSuchModuleError, ArgumentError, ImportError):
            raise SourceTrouble(
                f"{self.name}: no driver {self.url.drivername!r} here; begin the url with "
                "sqlite:///, postgresql:// or mysql://",
                permanent=True,
            ) from None

    def _prepare(self, connection: Connection, now: datetime) -> None:
        """Read-only, with time-outs, and naive instants in the source's zone."""
        statement_ms = int(self.source.statement_timeout.total_seconds() * 1000)
        say = connection.exec_driver_sql
        if self.kind == "sqlite":
            raw: Any = connection.connection.dbapi_connection
            raw.execute("PRAGMA query_only = ON")
            raw.set_progress_handler(lambda: int(time.monotonic() > self._deadline_s), 10_000)
            self._deadline_s = time.monotonic() + self.source.statement_timeout.total_seconds()
        elif self.kind == "postgresql":
            connection.execution_options(postgresql_readonly=True)
            say(f"SET LOCAL statement_timeout = {statement_ms}")
            say(f"SET LOCAL TIME ZONE '{self.source.timezone or 'UTC'}'")
        else:
            if getattr(connection.dialect, "is_mariadb", False):
                say(f"SET SESSION max_statement_time = {statement_ms / 1000}")
            else:
                say(f"SET SESSION max_execution_time = {statement_ms}")
            offset = now.astimezone(self.zone).strftime("%z")  # names of zones may be unknown there
            say(f"SET SESSION time_zone = '{offset[:3]}:{offset[3:5]}'")
            say("SET SESSION TRANSACTION READ ONLY")
        connection.execution_options(yield_per=PAGE)

    def _bound(self, since: Value) -> Value:
        """As the driver takes it: SQLite knows only text, MySQL no offsets."""
        aware = isinstance(since, datetime) and since.tzinfo is not None
        if aware and self.kind != "postgresql":
            assert isinstance(since, datetime)
            since = since.astimezone(self.zone).replace(tzinfo=None)
        if self.kind == "sqlite" and isinstance(since, date):
            return since.isoformat(" ") if isinstance(since, datetime) else since.isoformat()
        return since

    def _trouble(self, error: DBAPIError, stage: str) -> SourceTrouble:
        orig = error.orig
        state = getattr(orig, "sqlstate", None) or ""
        number, said = _numbered(orig)
        words = " ".join(str(said).split())[:300] or type(orig).__name__
        if isinstance(self.url.password, str) and self.url.password:
            words = words.replace(self.url.password, "***")
        reached = stage != "cannot be reached"
        if reached and (
            state in TOO_SLOW_STATES or number in TOO_SLOW_NUMBERS or TOO_SLOW_WORDS.search(words)
        ):
            limit_s = self.source.statement_timeout.total_seconds()
            return SourceTrouble(
                f"{self.name}: no answer within {limit_s:g} s ({words}); make the query lighter "
                "(an index on the incremental column), or raise statement_timeout"
            )
        wrong = (
            isinstance(error, DataError)  # a value that Python has no type for, such as infinity
            or state.startswith(WRONG_STATES)
            or number in WRONG_NUMBERS
            or WRONG_WORDS.search(words)
        )
        if wrong:
            todo = "check query" if reached else "check url and the rights of its user"
            return SourceTrouble(f"{self.name} {stage}: {words}; {todo}", permanent=True)
        return SourceTrouble(f"{self.name} {stage}: {words}; it is asked again")


def _let_go(context: ExceptionContext) -> None:
    """PyMySQL would read the rest of a result from a connection that is gone, and fail once more."""
    cursor = getattr(context.execution_context, "cursor", None)
    result: Any = getattr(getattr(cursor, "connection", None), "_result", None)
    if getattr(result, "unbuffered_active", False):
        result.unbuffered_active = False


def _numbered(error: BaseException | None) -> tuple[int | None, object]:
    """The number and the words of an error: only MySQL's have a number."""
    match getattr(error, "args", ()):
        case (int(number), said, *_):
            return number, said
    return None, error


def _url(source: SqlSource) -> URL:
    """The URL, from where it is kept, with the drivers that the product brings."""
    found = resolved(source.url, source.home, "url")
    try:
        url = make_url(re.sub(r"^postgres(?=[:+])", "postgresql", found))
        backend = url.get_backend_name()
        driver = DRIVERS[backend]
    except (ArgumentError, KeyError, ValueError, NoSuchModuleError):
        raise SourceTrouble(
            "url is no address of a database; write postgresql://user:password@host/name, "
            "mysql://… or sqlite:///file.db (special characters in a password as %40 and the like)",
            permanent=True,
        ) from None
    if "+" not in url.drivername:
        url = url.set(drivername=f"{backend}+{driver}")
    if backend == "sqlite" and url.database:
        url = url.set(database=str(source.home / url.database))
    return url


def _name(url: URL) -> str:
    """`postgresql shop on db.example:5432`, or the name of the SQLite file."""
    backend, database = url.get_backend_name(), url.database or ""
    if backend == "sqlite":
        return f"sqlite {Path(database).name or '(no file)'}"
    port = f":{url.port}" if url.port else ""
    return f"{backend} {database} on {url.host or 'this machine'}{port}"
