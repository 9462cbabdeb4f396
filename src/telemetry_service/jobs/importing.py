"""An import: from the rows of another store through the intake into installations and counts, resumable and idempotent."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from telemetry_service.core.counts import EXTERNAL
from telemetry_service.core.errors import Rejected
from telemetry_service.core.exported import HEADER, JOINS, LABEL, SEALED_THROUGH, restored, restored_label
from telemetry_service.core.exported_counts import COUNT, Counted, restored_count
from telemetry_service.core.foreign import ROW_ID, ROW_NAMES, TOO_OLD, Told, read_row
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import Installation
from telemetry_service.core.intake import Intake
from telemetry_service.core.period import day_of
from telemetry_service.core.repair import decode
from telemetry_service.mirrors.source import Source
from telemetry_service.store import imports
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.store.imports import READ, Arrived, Progress
from telemetry_service.store.store import Store

TAKEN_AT_ONCE = 4_000  # installations in a transaction: bounds memory, and for how long the fold waits
LONGEST_REST_SECONDS = 0.5
STORE_ATTEMPTS = 12  # of ten seconds each
REFUSED, DROPPED = "refused: ", "dropped: "
MIRRORED = "left out: this service mirrored it there"
OLD = f"left out: {TOO_OLD}"
# Of the ids that PocketBase makes by itself, one in 12,000 looks like one of ours: so many among 200 are no accident.
FEWEST_OURS = 5


class Parcel(msgspec.Struct, array_like=True, gc=False, tag=True):
    """What some rows came to. `suspects` say what may be copied from us, with the execution of which it seems a copy.

    Of an export of ours also the lines of causes, counts of sealed days, and the last one of those.
    """

    position: str
    done: int
    told: list[Told] = []
    suspects: list[tuple[int, Told]] = []
    restored: list[Installation] = []
    labels: list[tuple[str, str]] = []
    counted: list[Counted] = []
    sealed_through: int = -1
    counts: dict[str, int] = {}


class Reader:
    """Reads rows into parcels; `first_day` is the first UTC day that is wanted, `now` in microseconds since 1970."""

    def __init__(self, intake: Intake, identities: Identities, known_repos: Iterable[str], *, first_day: int, now: int) -> None:
        self._intake = intake
        self._identities = identities
        self._sources = frozenset((*known_repos, EXTERNAL))
        self._first_day = first_day
        self._now = now

    def parcels(self, source: Source, position: str) -> Iterator[Parcel]:
        """All that is behind a position. Raises `UnusableSource`."""
        for rows, position_behind, done in source.read(position):
            parcel = Parcel(position_behind, done)
            self._fill(parcel, rows)
            yield parcel

    def _fill(self, parcel: Parcel, rows: Iterable[Mapping[str, Any] | bytes]) -> None:
        counts: Counter[str] = Counter({READ: 0})
        suspects: list[tuple[int, Mapping[str, Any]]] = []
        for raw in rows:
            counts[READ] += 1
            try:
                row = _decoded(raw)
                if (HEADER in row or LABEL in row or COUNT in row) and self._besides(parcel, row):
                    counts[READ] -= 1  # no row of an installation
                    continue
                ours = self._ours(row)
                if JOINS in row:
                    parcel.restored.append(restored(row, self._intake, first_day=self._first_day, now=self._now))
                elif ours is None:
                    parcel.told.append(self._told(row, counts))
                else:
                    suspects.append((ours, row))
            except Rejected as rejected:
                counts[_reason(rejected)] += 1
        if len(suspects) >= FEWEST_OURS or len(suspects) == counts[READ]:
            counts[MIRRORED] += len(suspects)
            suspects.clear()
        for ours, row in suspects:
            try:
                parcel.suspects.append((ours, self._told(row, counts)))
            except Rejected:
                counts[MIRRORED] += 1  # it looks like ours, and lacks what ours lack
        parcel.counts = dict(counts)

    def _besides(self, parcel: Parcel, row: Mapping[str, Any]) -> bool:
        """Read what an export of ours holds beside installations; False for a row that is one."""
        if HEADER in row:
            through = row.get(SEALED_THROUGH)
            parcel.sealed_through = through if type(through) is int and through < day_of(self._now) else -1
        elif LABEL in row and "random_id" not in row:
            parcel.labels.append(restored_label(row, self._intake))
        elif COUNT in row and "random_id" not in row:
            parcel.counted.append(restored_count(row, self._intake, self._sources))
        else:
            return False
        return True

    def _ours(self, row: Mapping[str, Any]) -> int | None:
        """The installation of which a record seems to be a copy in a mirror of this service, which holds no execution id."""
        id_ = row.get(ROW_ID)
        return self._identities.mirrored_execution(id_) if isinstance(id_, str) and not row.get("execution_id") else None

    def _told(self, row: Mapping[str, Any], counts: Counter[str]) -> Told:
        found = read_row(row, self._intake, first_day=self._first_day, now=self._now)
        for field in found.dropped:
            counts[f"{DROPPED}{field}"] += 1
        return found.told


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
        self._began_at = now()

    def take(self, parcels: Iterable[Parcel], show: Callable[[int], None], *, resting: bool) -> None:
        """Take all of them, some in each transaction. `finish` notes that the source was read to its end.

        `resting` leaves as much time between two transactions as one took: others write to the store too. `show` is told how
        far the source was read. Raises `StoreUnavailable` and `UnusableSource`, with what was taken until then kept.
        """
        waiting = Arrived()
        done = 0
        for parcel in parcels:
            if parcel.sealed_through > self._progress.history_through:
                self.begin_history(parcel.sealed_through)
            self._progress.counts.update(parcel.counts)
            self._progress.position = parcel.position
            waiting.installations += parcel.restored
            waiting.installations += [told.installation() for told in parcel.told]
            waiting.installations += [told.installation() for told in self._not_ours(parcel.suspects)]
            waiting.labels += parcel.labels
            waiting.counted += parcel.counted
            done = parcel.done
            if len(waiting) >= TAKEN_AT_ONCE:
                self._store_now(waiting, resting)
                waiting = Arrived()
                show(done)
        self._store_now(waiting, resting)
        show(done)

    def begin_history(self, through_day: int) -> bool:
        """Have the UTC days up to one taken, of which only counts are to stay; False where any of them is counted already."""
        through_day = max(through_day, self._store.sealed_through())
        if not imports.is_blank(self._store.connection, through_day):
            return False
        imports.begin_history(self._store, self._source, self._progress, through_day, self._now())
        return True

    def finish(self) -> None:
        """Note that the source was read to its end."""
        imports.finish(self._store, self._source, self._progress, began_at=self._began_at, now=self._now())

    def _store_now(self, waiting: Arrived, resting: bool) -> None:
        began = time.monotonic()
        self._store_soon(waiting)
        if resting:
            time.sleep(min(time.monotonic() - began, LONGEST_REST_SECONDS))

    def _store_soon(self, waiting: Arrived) -> None:
        """Store it, and wait for others that hold the store for long, such as a VACUUM."""
        for attempt in range(STORE_ATTEMPTS):
            try:
                imports.take(self._store, self._source, self._progress, waiting, self._now())
            except StoreUnavailable:
                if attempt == STORE_ATTEMPTS - 1:
                    raise
                time.sleep(LONGEST_REST_SECONDS)
            else:
                return

    def _not_ours(self, suspects: list[tuple[int, Told]]) -> list[Told]:
        """Those whose seeming original is not stored here: their ids look like ours by accident."""
        if not suspects:
            return []
        with self._store.transaction():
            stored = self._store.rows.load([execution for execution, _ in suspects])
        kept = [told for execution, told in suspects if execution not in stored]
        if len(kept) < len(suspects):
            self._progress.counts[MIRRORED] += len(suspects) - len(kept)
        return kept
