"""Installations brought in from other stores."""

import gc
from collections import Counter
from contextlib import closing

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from telemetry_service.bootstrap.assembly import now, store_options
from telemetry_service.bootstrap.reading import Place, Task, frames, parcels, total
from telemetry_service.core.period import day_of
from telemetry_service.jobs import upkeep
from telemetry_service.jobs.importing import Import
from telemetry_service.mirrors.source import UnusableSource
from telemetry_service.settings import Settings
from telemetry_service.store import imports, retention
from telemetry_service.store.directory import held_if_free, identities
from telemetry_service.store.imports import READ
from telemetry_service.store.store import Store

# New objects before Python looks for garbage. What is read lives for one transaction and holds no cycles; looked over after each
# 700, it took 16 of the 211 us that counting a row took, and takes 5.
GARBAGE_AFTER = 50_000
NOT_BLANK = (
    "days older than RETENTION_DAYS are counted here already, and nothing can be added to them; import without --history, or"
    " with it into a new data directory"
)
PROGRESS_COLUMNS = (
    *(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]} rows/s")),
    *(TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()),
)


def bring_in(settings: Settings, place: Place, *, history: bool) -> Counter[str]:
    """Import what is in a place; what became of the rows. `history` counts also what is older than is kept.

    Raises `UnusableSource` and `StoreUnavailable`; what was taken until then stays, and the next time goes on behind it.
    """
    gc.set_threshold(GARBAGE_AFTER)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with held_if_free(settings.data_dir) as alone:
        ids = identities(settings.data_dir)
        options = msgspec.structs.replace(store_options(settings), max_new_apps_per_day=imports.IMPORTED_NAMES)
        with closing(Store(settings.data_dir, options, ids, now=now())) as store:
            key = ids.source(place.name())
            progress = imports.progress_of(store.connection, key)
            bringing = Import(store, key, progress, now)
            over = retention.last_day_over(day_of(now()), settings.retention_days)
            if history and progress.history_through < 0 and not bringing.begin_history(over):
                raise UnusableSource(NOT_BLANK)
            task = Task(place, progress.position, 0 if history else over + 1, now())
            _take(settings, task, bringing, progress, resting=not alone)
            if history:
                upkeep.clean_up(store, settings.cleanup_stuck_hours, now)  # of sealed days nobody hears again
            bringing.finish()
            if history:
                upkeep.retain(store, None, settings.retention_days, now)
            store.truncate_wal()
    return progress.counts


def _take(settings: Settings, task: Task, bringing: Import, progress: imports.Progress, *, resting: bool) -> None:
    with frames(settings, task) as arriving, Progress(*PROGRESS_COLUMNS, console=Console(stderr=True)) as bar:
        shown = _Shown(bar, bar.add_task("importing", total=total(arriving), rate="-"), progress)
        bringing.take(parcels(arriving), shown, resting=resting)


class _Shown:
    """The progress bar; its rate is that of rows since the start of this command."""

    def __init__(self, bar: Progress, task: TaskID, progress: imports.Progress) -> None:
        self._bar = bar
        self._task = task
        self._progress = progress
        self._read_before = progress.counts[READ]

    def __call__(self, done: int) -> None:
        seconds = self._bar.tasks[0].elapsed or 1e-9
        rate = (self._progress.counts[READ] - self._read_before) / seconds
        self._bar.update(self._task, completed=done, rate=f"{rate:,.0f}")
