"""Rules as data: read and checked, written, told in words, and kept in versions.

`data/rules.toml` ships; a configuration may name its own file; what people save on the Rules page
stands in the database and wins over both.
"""

from monitor.rulebook.book import Rulebook, Severities, severity_of
from monitor.rulebook.read import configured, load, parse, shipped
from monitor.rulebook.versions import current, history, in_force, save, take_effect
from monitor.rulebook.write import render

__all__ = [
    "Rulebook",
    "Severities",
    "configured",
    "current",
    "history",
    "in_force",
    "load",
    "parse",
    "render",
    "save",
    "severity_of",
    "shipped",
    "take_effect",
]
