"""The records of a collection of a PocketBase, over its API: rows to be imported."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterator
from functools import partial
from typing import Any, TypeVar

import msgspec

from telemetry_service.mirrors.pocketbase import MisfitCollection, NotAllowed, PocketBase, Trouble
from telemetry_service.mirrors.source import Rows, UnusableSource

ATTEMPTS = 6
FIRST_WAIT_SECONDS = 0.5  # doubled with each attempt: a quarter of a minute in all
T = TypeVar("T")


class Records:
    """The records in the order in which they were created. An index on `created` keeps PocketBase from sorting them each time."""

    def __init__(self, pocketbase: PocketBase, collection: str, names: Collection[str]) -> None:
        """Raises `UnusableSource`."""
        self._pocketbase = pocketbase
        self._runner = asyncio.Runner()
        columns = self._ask(pocketbase.columns)
        if columns is None:
            raise UnusableSource(f"there is no collection {collection} in PocketBase; name one with --collection")
        if "created" not in columns:
            raise UnusableSource(f"the collection {collection} has no column created")
        self._names = [name for name in columns if name.lower() in names]
        self._total = self._ask(pocketbase.count)

    @property
    def total(self) -> int | None:
        return self._total

    def read(self, position: str) -> Iterator[Rows]:
        after = msgspec.json.decode(position, type=tuple[str, str]) if position else ("", "")
        done = 0
        while records := self._ask(partial(self._pocketbase.records, after, self._names)):
            after = records[-1]["created"], records[-1]["id"]
            done += len(records)
            rows = [{name.lower(): value for name, value in record.items()} for record in records]
            yield Rows([*rows], msgspec.json.encode(after).decode(), done)

    def _ask(self, question: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """An answer, asked for again for a while where PocketBase does not work."""
        for wait_seconds in (*(FIRST_WAIT_SECONDS * 2**n for n in range(ATTEMPTS - 1)), None):
            try:
                return self._runner.run(question())
            except (NotAllowed, MisfitCollection) as error:
                raise UnusableSource(str(error)) from None
            except Trouble as error:
                if wait_seconds is None:
                    raise UnusableSource(f"{error}; run the command again to go on") from None
                time.sleep(max(wait_seconds, error.retry_after_seconds))
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        self._pocketbase.close()
        self._runner.close()
