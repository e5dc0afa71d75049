"""PostgreSQL and MariaDB, started privately: own data, own loopback port, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.chromium import must_not_skip
from tests.product import eventually, free_port

HOW = "on Debian: apt-get install --no-install-recommends postgresql mariadb-server"


@dataclass(frozen=True)
class Server:
    """A running server; `url` has a user who may do everything."""

    url: str


def program(name: str, *elsewhere: str) -> str:
    """Path of a server's program; without it the test is skipped, or fails when nothing may be."""
    folders = [str(p) for pattern in elsewhere for p in sorted(Path("/").glob(pattern[1:]))]
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), *folders]))
    if found is not None:
        return found
    if must_not_skip():
        pytest.fail(f"no {name} here, and NO_SKIP is set; {HOW}", pytrace=False)
    pytest.skip(f"no {name} here; {HOW}")


@contextlib.contextmanager
def postgresql() -> Iterator[Server]:
    where = "/usr/lib/postgresql/*/bin"
    initdb, postgres = program("initdb", where), program("postgres", where)
    with _folder("postgres") as (folder, user):
        data, port = folder / "data", free_port()
        (folder / "password").write_text("owner-secret")
        _own(folder / "password", user)
        _run(
            *(initdb, "-D", data, "-U", "owner", "-A", "scram-sha-256", "-N", "-E", "UTF8"),
            *("--locale=C.UTF-8", "--pwfile", folder / "password"),
            user=user,
        )
        options = [
            "-c",
            "fsync=off",
            "-c",
            f"port={port}",
            "-c",
            f"unix_socket_directories={folder}",
        ]
        arguments = [postgres, "-D", data, *options, "-c", "listen_addresses=127.0.0.1"]
        url = f"postgresql://owner:owner-secret@127.0.0.1:{port}/postgres"
        with _running(arguments, user, folder, port):
            yield Server(url)


@contextlib.contextmanager
def mariadb() -> Iterator[Server]:
    install = program("mariadb-install-db", "/usr/bin", "/usr/local/bin")
    mariadbd = program("mariadbd", "/usr/sbin", "/usr/libexec")
    with _folder("mysql") as (folder, user):
        data, port = folder / "data", free_port()
        _run(
            *(install, "--no-defaults", f"--datadir={data}", "--skip-test-db"),
            *("--auth-root-authentication-method=normal", "--skip-name-resolve"),
            user=user,
        )
        (folder / "first.sql").write_text(
            "create user owner@'127.0.0.1' identified by 'owner-secret';\n"
            "grant all on *.* to owner@'127.0.0.1' with grant option;\n"
            "create database shop;\n"
        )
        _own(folder / "first.sql", user)
        arguments = [
            *(mariadbd, "--no-defaults", f"--datadir={data}", f"--socket={folder}/socket"),
            *(f"--port={port}", "--bind-address=127.0.0.1", "--skip-name-resolve"),
            *(f"--init-file={folder}/first.sql", "--innodb-flush-log-at-trx-commit=0"),
        ]
        url = f"mysql://owner:owner-secret@127.0.0.1:{port}/shop"
        with _running(arguments, user, folder, port):
            yield Server(url)


@contextlib.contextmanager
def _folder(wanted: str) -> Iterator[tuple[Path, str | None]]:
    """A folder, and the user to run as: these servers refuse to run as root."""
    user = None
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = wanted if wanted in names else "nobody"
    folder = Path(tempfile.mkdtemp(prefix="server-"))
    try:
        _own(folder, user)
        yield folder, user
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own(path: Path, user: str | None) -> None:
    if user is not None:
        shutil.chown(path, user)


def _as(user: str | None) -> dict[str, object]:
    if user is None:
        return {}
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": ()}


def _run(*arguments: object, user: str | None) -> None:
    done = subprocess.run(  # type: ignore[call-overload]
        list(map(str, arguments)), **_as(user), cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextlib.contextmanager
def _running(
    arguments: Sequence[object], user: str | None, folder: Path, port: int
) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(  # type: ignore[call-overload]
            list(map(str, arguments)), **_as(user), cwd="/", stdout=out, stderr=out
        )

    def answers() -> bool:
        assert server.poll() is None, log.read_text(errors="replace")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually(answers, f"{arguments[0]} answers on port {port}")
        yield
    finally:
        # At once, and nothing is kept: PostgreSQL ends all its processes so, MariaDB is only one.
        server.send_signal(signal.SIGQUIT if "postgres" in str(arguments[0]) else signal.SIGKILL)
        server.wait(20)
