"""A file of JSON objects, one a line: rows as wire.md names them, as ClickHouse exports them, or as our own export does."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from telemetry_service.mirrors.source import Rows, UnusableSource

ROWS_AT_ONCE = 500
BYTES_AT_ONCE = 4 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024  # four times what ingest takes; a longer one is handed on empty
GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952
TAIL_BYTES = 64  # before a position, by which the file is known again


class JsonLines:
    """The lines of a file, or of a stream such as standard input, which is read from its beginning whatever the position."""

    def __init__(self, path: Path | None, stdin: BinaryIO, digest: Callable[[bytes], str]) -> None:
        """None stands for standard input. `digest` makes of a line what may be kept of it, to know it again.

        Raises `UnusableSource`.
        """
        self._digest = digest
        try:
            self._file: BinaryIO = stdin if path is None else path.open("rb")
        except OSError as error:
            raise UnusableSource(f"{path} cannot be read ({error.strerror})") from None
        self._is_stream = path is None or not self._file.seekable()
        if not self._is_stream and self._file.read(len(GZIP_MAGIC)) == GZIP_MAGIC:
            raise UnusableSource(f"{path} is compressed; unpack it on the way: zcat {path} | telemetry-service import jsonl -")

    @property
    def total(self) -> int | None:
        return None if self._is_stream else os.fstat(self._file.fileno()).st_size

    def read(self, position: str) -> Iterator[Rows]:
        offset = self._fitting(position)
        try:
            if not self._is_stream:
                self._file.seek(offset)
            while True:
                rows: list[Mapping[str, Any] | bytes] = []
                size = 0
                tail = b""
                while len(rows) < ROWS_AT_ONCE and size < BYTES_AT_ONCE:
                    line = self._file.readline(MAX_LINE_BYTES)
                    if not line:
                        break
                    size += len(line)
                    tail = line[-TAIL_BYTES:]
                    if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
                        line = b""
                        while (more := self._file.readline(MAX_LINE_BYTES)) and not more.endswith(b"\n"):
                            size += len(more)
                        size += len(more)
                        tail = more[-TAIL_BYTES:] or tail
                    if not line.isspace():
                        rows.append(line)
                if not size:
                    return
                offset += size
                yield Rows(rows, msgspec.json.encode((offset, len(tail), self._digest(tail))).decode(), offset)
        except OSError as error:
            raise UnusableSource(f"the file cannot be read any more ({error.strerror}); run the command again to go on") from None

    def _fitting(self, position: str) -> int:
        """The offset of a position; 0 if the file is another one by now."""
        if not position or self._is_stream:
            return 0
        offset, length, digest = msgspec.json.decode(position, type=tuple[int, int, str])
        self._file.seek(max(0, offset - length))
        return offset if self._digest(self._file.read(length)) == digest else 0

    def close(self) -> None:
        self._file.close()
