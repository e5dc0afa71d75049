"""How much a file may unpack to. What it says of its own size is never believed: bytes are counted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from monitor.errors import FileRefused

MIB = 1 << 20
CONTENT_LIMIT = 1024 * MIB  # of a file as it arrives
KEPT_LIMIT = 512 * MIB  # unpacked and held in memory: members of an archive, texts of a workbook
STREAMED_LIMIT = 2048 * MIB  # unpacked piece by piece: sheets of workbooks
RATIO_LIMIT = 200  # real tables pack 3 to 60 times smaller, a bomb up to 1030 times
RATIO_FROM = 8 * MIB
SAME_PIECES = 8  # 2 MiB of one byte over and over
MEMBER_LIMIT = 1000
PIECE = 1 << 18


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...


@dataclass
class Budget:
    """What one file, with all that is packed inside it, may still unpack to, in bytes."""

    kept: int = KEPT_LIMIT
    streamed: int = STREAMED_LIMIT

    def pieces(
        self, source: Readable, packed: int, what: str, *, kept: bool = True
    ) -> Iterator[bytes]:
        """The unpacked bytes of `source`, `packed` bytes long before, as long as they may be."""
        seen, same = 0, 0
        while piece := source.read(PIECE):
            seen += len(piece)
            same = same + 1 if piece.count(piece[:1]) == len(piece) else 0
            if same >= SAME_PIECES or (seen > RATIO_FROM and seen > RATIO_LIMIT * packed):
                says = f"more than {RATIO_LIMIT} times its size"
                raise FileRefused(
                    f"{what} unpacks to {'megabytes of one byte' if same >= SAME_PIECES else says}: "
                    f"no real table does; export the data again, as a plain CSV or XLSX file"
                )
            if kept:
                self.kept -= len(piece)
            else:
                self.streamed -= len(piece)
            if self.kept < 0 or self.streamed < 0:
                limit = KEPT_LIMIT if kept else STREAMED_LIMIT
                raise FileRefused(
                    f"{what} unpacks to more than {limit // MIB} MB: "
                    f"split the export into smaller files, for example one a day"
                )
            yield piece


@contextmanager
def refusing(what: str, then: str) -> Iterator[None]:
    """Whatever a library raises over damaged bytes becomes a refusal: what it is, and what to do."""
    try:
        yield
    except (FileRefused, MemoryError):
        raise
    except Exception as e:
        said = " ".join(str(e).split())[:200] or type(e).__name__
        raise FileRefused(f"{what} ({said}): {then}") from e
