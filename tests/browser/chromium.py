"""Which browser the tests drive.

`python -m tests.browser.chromium` says it in words before the tests run, and tries to fetch one when
there is none. Without a browser the tests in `tests/browser` are skipped, saying so; with NO_SKIP=1
(as in CI) that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
FETCH_LIMIT_S = 180
HOW = (
    "install one with `apt-get install chromium` (or set CHROMIUM=/path/to/chrome, "
    "or run `.venv/bin/python -m playwright install --with-deps chromium`)"
)


@dataclass(frozen=True)
class Found:
    """A browser that starts, or the reason why there is none."""

    path: str | None
    words: str


def must_not_skip() -> bool:
    return os.environ.get("NO_SKIP", "") not in ("", "0")


def find() -> Found:
    """The browser to use: CHROMIUM, else one on PATH, else Playwright's own."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError as e:
        return Found(None, f"playwright is not installed ({e}); `make setup` does not bring it, "
                           "`make test` does")  # fmt: skip
    given = os.environ.get("CHROMIUM")
    if given:
        version = _version(shutil.which(given) or given)
        if version is None:
            return Found(None, f"CHROMIUM={given} does not start; unset it or name another")
        return Found(shutil.which(given) or given, f"{version} (CHROMIUM={given})")
    tried = []
    for name in NAMES:
        path = shutil.which(name)
        if path is None:
            continue
        version = _version(path)
        if version is not None:
            return Found(path, f"{version} ({path})")
        tried.append(f"{path} does not start")
    own = _playwright_own()
    if own is not None:
        version = _version(own)
        if version is not None:
            return Found(own, f"{version} (Playwright's own)")
        tried.append(f"{own} does not start (its system libraries are missing?)")
    return Found(None, "; ".join(tried) or "no Chromium or Chrome on PATH")


def fetch() -> str:
    """Let Playwright fetch its own browser; gives why it could not, or an empty text."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "playwright", "install", "chromium"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"fetching one took longer than {FETCH_LIMIT_S} s"
    except OSError as e:
        return f"fetching one failed: {e}"
    if done.returncode:
        said = [line.strip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        why = next((line for line in said if "rror" in line), said[-1] if said else "")
        return f"fetching one failed (exit {done.returncode}): {why}"
    return ""


def _version(path: str) -> str | None:
    """What it calls itself; None when it does not start (a snap stub, a missing library)."""
    try:
        done = subprocess.run(
            [path, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    said = done.stdout.strip()
    return said if done.returncode == 0 and "chrom" in said.lower() else None


def _playwright_own() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        path = driver.chromium.executable_path
    return path if path and Path(path).exists() else None


def main() -> int:
    found = find()
    why = found.words
    if found.path is None and not os.environ.get("CHROMIUM"):
        print(f"No browser ({why}): trying to fetch one …", flush=True)
        failed = fetch()
        found = find()
        why = f"{why}; {failed}" if failed else found.words
    if found.path is not None:
        print(f"Browser tests will run with {found.words}.")
        return 0
    if must_not_skip():
        print(f"No browser for tests/browser, and NO_SKIP is set: {why}.\nTo have them: {HOW}.")
        return 1
    print(
        f"SKIPPED will be: every test in tests/browser (the pages in a real browser): {why}.\n"
        f"All other tests run. To have these too: {HOW}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
