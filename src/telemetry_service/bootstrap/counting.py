"""Counts made of invented reports, and counts proven."""

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from telemetry_service.bootstrap.assembly import intake, now, store_options
from telemetry_service.bootstrap.upkeep import existing_store
from telemetry_service.core.event import Event
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.period import day_of
from telemetry_service.jobs.demo import payloads
from telemetry_service.settings import Settings
from telemetry_service.store.directory import held, identities
from telemetry_service.store.store import Store
from telemetry_service.store.stuck import give_up_stuck

DEMO_BATCH = 8_000  # events
DEMO_NAMES_PER_DAY = 1_000_000  # the demo's own names are not a flood
PROGRESS_COLUMNS = (
    *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()),
    *(TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()),
)


def recount(settings: Settings) -> list[tuple[int, int, int, int, int]]:
    """The cells whose stored count differs from the installations they come from; see `Store.differences`."""
    with existing_store(settings) as store:
        return list(store.differences())


def demo(settings: Settings, *, installations: int, days: int, seed: int) -> None:
    """Fold a plausible set of reports into the data directory, up to today."""
    with held(settings.data_dir):
        ids = identities(settings.data_dir)
        store = Store(
            settings.data_dir,
            msgspec.structs.replace(store_options(settings), max_new_apps_per_day=DEMO_NAMES_PER_DAY),
            ids,
            now=now(),
        )
        store.publish_in_steps_of(settings.publish_min_count)
        accept = intake(settings, ids).accept
        events: list[Event] = []
        source = payloads(installations, days, seed, day_of(now()) - 1)
        with Progress(*PROGRESS_COLUMNS, console=Console(stderr=True)) as progress:
            task = progress.add_task("installations", total=installations)
            for done, reports in enumerate(source, start=1):
                # What is folded together is published on one day: no fold may reach into the next.
                new_day = bool(events) and day_of(reports[0].received_at) != day_of(events[0].received_at)
                if new_day or len(events) >= DEMO_BATCH:
                    store.fold(events, None, _end_of(events))
                    give_up_stuck(store, _end_of(events), settings.cleanup_stuck_hours, DEMO_BATCH)
                    events.clear()
                    progress.update(task, completed=done - 1)
                events.extend(accept(report.body, report.received_at).event for report in reports)
            store.fold(events, None, _end_of(events))
            progress.update(task, completed=installations)
        store.refresh_gauges(now())
        store.truncate_wal()
        store.close()


def _end_of(events: list[Event]) -> int:
    """When events were all there, on the day of the first: one that ended past midnight takes none with it."""
    midnight = (day_of(events[0].received_at) + 1) * MICROSECONDS_PER_DAY
    return min(max(event.received_at for event in events), midnight - 1)
