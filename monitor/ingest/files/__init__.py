"""Bytes of a file into sheets of cells, whatever kind of file it is. Nothing is judged here."""

from monitor.ingest.files.kinds import open_sheets as open_sheets
from monitor.ingest.files.text import NotUtf8 as NotUtf8
