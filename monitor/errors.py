"""The errors that people meet. Each names the thing, the value and the next step."""


class MonitorError(Exception):
    """A failure at work that the person at the keyboard can act on (exit code 1)."""


class ConfigError(MonitorError):
    """The configuration or the command line is wrong (exit code 2)."""


class StoreHeld(MonitorError):
    """Another process holds the database file: DuckDB lets one process open it."""


class FileRefused(MonitorError):
    """A whole file cannot be taken. Its rows stay in the file; the reason goes to the ledger."""


class Unsaid(FileRefused):
    """A file that lacks something that a person can say beside it: `what` is campaign or at."""

    def __init__(self, message: str, what: str) -> None:
        super().__init__(message)
        self.what = what
