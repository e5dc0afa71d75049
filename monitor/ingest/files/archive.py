"""gzip and zip: what is packed inside, within limits."""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import PurePosixPath

from monitor.errors import FileRefused
from monitor.ingest.files.limits import MEMBER_LIMIT, Budget, refusing

AGAIN = "download or export it again"
ENCRYPTED = 0x1
STREAM_LIMIT = 100_000  # gzip streams one behind another; block-wise packers make many
PACKED_PIECE = 1 << 16


@dataclass(frozen=True)
class Member:
    """A file, and its name: as it came, or as it stands in its archive."""

    name: str
    content: bytes


class _Gunzip:
    """Reads gzip streams one behind another; zeros behind the last are padding."""

    def __init__(self, content: bytes) -> None:
        self._source = io.BytesIO(content)
        self._stream = zlib.decompressobj(wbits=31)
        self._waiting = b""
        self._streams = 1

    def read(self, size: int, /) -> bytes:
        while True:
            if self._stream.eof:
                rest = (self._stream.unused_data or self._source.read(PACKED_PIECE)).lstrip(b"\0")
                if not rest and not (rest := self._source.read(PACKED_PIECE).lstrip(b"\0")):
                    return b""
                self._stream, self._waiting = zlib.decompressobj(wbits=31), rest
                self._streams += 1
                if self._streams > STREAM_LIMIT:
                    raise FileRefused("a gzip file of too many parts: pack it again as one")
            packed = self._waiting or self._source.read(PACKED_PIECE)
            piece = self._stream.decompress(packed, size)
            self._waiting = self._stream.unconsumed_tail
            if piece:
                return piece
            if not packed and not self._stream.eof:
                raise FileRefused(f"a gzip file that is cut off: {AGAIN}")


def gzip_content(content: bytes, budget: Budget) -> bytes:
    """What a gzip file holds."""
    with refusing("a gzip file that is damaged", AGAIN):
        return b"".join(budget.pieces(_Gunzip(content), len(content), "the gzip file"))


def opened_zip(content: bytes) -> zipfile.ZipFile:
    """The directory of a zip file or workbook; nothing is unpacked yet."""
    with refusing("an Excel or zip file that is damaged or cut off", AGAIN):
        packed = zipfile.ZipFile(io.BytesIO(content))
    if len(packed.namelist()) > MEMBER_LIMIT:
        raise FileRefused(f"a zip file of more than {MEMBER_LIMIT} files: split it")
    for info in packed.infolist():
        if info.flag_bits & ENCRYPTED:
            raise FileRefused(
                f"a zip file with a password ({info.filename!r} is encrypted): "
                f"pack it again without one"
            )
    return packed


def is_workbook(content: bytes) -> bool:
    """Whether a zip file is a document of an office program, to be read or refused as such."""
    if not content.startswith(b"PK"):
        return False
    names = set(opened_zip(content).namelist())
    return bool(names & {"[Content_Types].xml", "mimetype", "Index/Document.iwa"})


def zip_members(content: bytes, budget: Budget) -> list[Member]:
    """The files in a zip archive in its order, without what systems leave beside them."""
    packed = opened_zip(content)
    found: list[Member] = []
    for info in packed.infolist():
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if info.is_dir() or any(part.startswith((".", "~$", "__MACOSX")) for part in parts):
            continue
        what = f"{info.filename!r} in the zip file"
        with refusing(f"{what} is damaged", AGAIN), packed.open(info) as member:
            size = min(info.compress_size, len(content))
            found.append(Member(info.filename, b"".join(budget.pieces(member, size, what))))
    if not found:
        raise FileRefused("the zip file holds no files: pack the exports themselves")
    return found
