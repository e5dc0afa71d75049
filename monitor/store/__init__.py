"""DuckDB, and nothing else knows it: opening, migrations, transactions, named queries."""

from monitor.store.database import Store, open_store

__all__ = ["Store", "open_store"]
