"""An import: from the rows of another store through the intake into installations and counts, resumable and idempotent."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from telemetry_service.core.errors import Rejected
from telemetry_service.core.foreign import ROW_ID, ROW_NAMES, TOO_OLD, read_row
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import Installation
from telemetry_service.core.intake import Intake
from telemetry_service.core.repair import decode
from telemetry_service.mirrors.source import Source
from telemetry_service.store import imports
from telemetry_service.store.imports import READ, Progress
from telemetry_service.store.store import Store

TAKEN_AT_ONCE = 4_000  # installations in a transaction: bounds memory, and for how long the fold waits
LONGEST_REST_SECONDS = 0.5
REFUSED, DROPPED = "refused: ", "dropped: "
MIRRORED = "left out: this service mirrored it there"
OLD = f"left out: {TOO_OLD}"
# Of the ids that PocketBase makes by itself, one in 12,000 looks like one of ours: so many among 200 are no accident.
FEWEST_OURS = 5


class Parcel(msgspec.Struct, array_like=True, gc=False):
    """What some rows came to. `suspects` are installations whose rows may be copies of ours, by the execution copied."""

    installations: list[Installation]
    suspects: list[tuple[int, Installation]]
    counts: dict[str, int]
    position: str
    done: int


class Reader:
    """Reads rows into parcels; `first_day` is the first UTC day that is wanted, `now` in microseconds since 1970."""

    def __init__(self, intake: Intake, identities: Identities, *, first_day: int, now: int) -> None:
        self._intake = intake
        self._identities = identities
        self._first_day = first_day
        self._now = now

    def parcels(self, source: Source, position: str) -> Iterator[Parcel]:
        """All that is behind a position. Raises `UnusableSource`."""
        for rows, position_behind, done in source.read(position):
            parcel = Parcel([], [], {}, position_behind, done)
            self._fill(parcel, rows)
            yield parcel

    def _fill(self, parcel: Parcel, rows: Iterable[Mapping[str, Any] | bytes]) -> None:
        counts: Counter[str] = Counter()
        suspects: list[tuple[int, Mapping[str, Any]]] = []
        read = 0
        for raw in rows:
            read += 1
            try:
                row = _decoded(raw)
                ours = self._ours(row)
                if ours is None:
                    parcel.installations.append(self._installation(row, counts))
                else:
                    suspects.append((ours, row))
            except Rejected as rejected:
                counts[_reason(rejected)] += 1
        if len(suspects) >= FEWEST_OURS or len(suspects) == read:
            counts[MIRRORED] += len(suspects)
            suspects.clear()
        for ours, row in suspects:
            try:
                parcel.suspects.append((ours, self._installation(row, counts)))
            except Rejected:
                counts[MIRRORED] += 1  # it looks like ours, and lacks what ours lack
        counts[READ] = read
        parcel.counts = dict(counts)

    def _ours(self, row: Mapping[str, Any]) -> int | None:
        """The installation of which a record seems to be a copy in a mirror of this service, which holds no execution id."""
        id_ = row.get(ROW_ID)
        return self._identities.mirrored_execution(id_) if isinstance(id_, str) and not row.get("execution_id") else None

    def _installation(self, row: Mapping[str, Any], counts: Counter[str]) -> Installation:
        found = read_row(row, self._intake, first_day=self._first_day, now=self._now)
        for field in found.dropped:
            counts[f"{DROPPED}{field}"] += 1
        return found.installation


def _decoded(raw: Mapping[str, Any] | bytes) -> Mapping[str, Any]:
    if not isinstance(raw, bytes):
        return raw
    if not raw:
        raise Rejected("line", "longer than 1 MiB")
    return decode(raw, ROW_NAMES)


def _reason(rejected: Rejected) -> str:
    return OLD if rejected.reason == TOO_OLD else f"{REFUSED}{rejected}"


class Import:
    """Brings the parcels of one source into a store. `source` is what is kept of where it is."""

    def __init__(self, store: Store, source: str, progress: Progress, now: Callable[[], int]) -> None:
        self._store = store
        self._source = source
        self._progress = progress
        self._now = now

    def take(self, parcels: Iterable[Parcel], show: Callable[[int], None], *, resting: bool) -> None:
        """Take all of them, some in each transaction, and note that the source was read to its end.

        `resting` leaves as much time between two transactions as one took: others write to the store too. `show` is told how
        far the source was read. Raises `StoreUnavailable` and `UnusableSource`, with what was taken until then kept.
        """
        waiting: list[Installation] = []
        done = 0
        for parcel in parcels:
            self._progress.counts.update(parcel.counts)
            self._progress.position = parcel.position
            waiting += parcel.installations
            waiting += self._not_ours(parcel.suspects)
            done = parcel.done
            if len(waiting) >= TAKEN_AT_ONCE:
                self._store_now(waiting, resting)
                show(done)
        self._store_now(waiting, resting)
        show(done)
        imports.finish(self._store, self._source, self._progress, self._now())

    def _store_now(self, waiting: list[Installation], resting: bool) -> None:
        began = time.monotonic()
        imports.take(self._store, self._source, self._progress, waiting, self._now())
        waiting.clear()
        if resting:
            time.sleep(min(time.monotonic() - began, LONGEST_REST_SECONDS))

    def _not_ours(self, suspects: list[tuple[int, Installation]]) -> list[Installation]:
        """Those whose seeming original is not stored here: their ids look like ours by accident."""
        if not suspects:
            return []
        with self._store.transaction():
            stored = self._store.rows.load([execution for execution, _ in suspects])
        kept = [one for execution, one in suspects if execution not in stored]
        if len(kept) < len(suspects):
            self._progress.counts[MIRRORED] += len(suspects) - len(kept)
        return kept
