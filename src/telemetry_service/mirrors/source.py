"""What an import reads: rows of another store, in an order that stays the same."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol


class UnusableSource(Exception):
    """What is to be imported cannot be read; the text says why, in words for an operator, and holds no value of a row."""


class Rows(NamedTuple):
    """Some rows, by lower-case name or as a line of JSON, and where reading goes on behind them. `done` shows progress."""

    rows: list[Mapping[str, Any] | bytes]
    position: str
    done: int


class Source(Protocol):
    """Rows to be imported. Reading from a position yields every row behind it, so that nothing is left out after a kill."""

    @property
    def total(self) -> int | None:
        """About how far `done` will come; None where that is not known."""

    def read(self, position: str) -> Iterator[Rows]:
        """All rows behind a position, or from the beginning if it is empty or does not fit any more.

        Raises `UnusableSource`.
        """

    def close(self) -> None: ...
