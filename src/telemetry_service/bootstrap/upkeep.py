"""Clean-up, retention and VACUUM of a data directory, beside a running service or without one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from telemetry_service.bootstrap.assembly import now, store_options
from telemetry_service.jobs import upkeep
from telemetry_service.settings import Settings
from telemetry_service.store import inbox, retention, store
from telemetry_service.store.database import UnusableData
from telemetry_service.store.directory import identities
from telemetry_service.store.inbox import InboxReader
from telemetry_service.store.store import Store
from telemetry_service.store.stuck import count_stuck

CACHE_MB = 8  # a command has less to remember than the fold


@contextmanager
def _existing_store(settings: Settings) -> Iterator[Store]:
    if not (settings.data_dir / store.FILE_NAME).exists():
        raise UnusableData("there is no data here yet; set DATA_DIR to the directory of a service")
    ids = identities(settings.data_dir)
    with closing(Store(settings.data_dir, store_options(settings), ids, now=now(), cache_mb=CACHE_MB)) as opened:
        yield opened


def clean_up(settings: Settings, *, dry_run: bool) -> int:
    """Let stuck installations end as `unknown`; how many those are. A dry run changes nothing."""
    with _existing_store(settings) as opened:
        if dry_run:
            return count_stuck(opened.connection, now(), settings.cleanup_stuck_hours)
        return upkeep.clean_up(opened, settings.cleanup_stuck_hours, now)


def retain(settings: Settings, *, dry_run: bool) -> int:
    """Delete what is older than is kept; how many installations those are. A dry run changes nothing."""
    with _existing_store(settings) as opened:
        if dry_run:
            through = retention.last_day_over(now() // upkeep.MICROSECONDS_PER_DAY, settings.retention_days)
            return retention.count_through(opened.connection, through)
        waiting = InboxReader(settings.data_dir) if (settings.data_dir / inbox.FILE_NAME).exists() else None
        try:
            return upkeep.retain(opened, waiting, settings.retention_days, now)["installations"]
        finally:
            if waiting is not None:
                waiting.close()


def vacuum(settings: Settings, *, if_due: bool) -> upkeep.Counts | None:
    """Write the store anew, without what was deleted; None when that is not due, if asked."""
    with _existing_store(settings) as opened:
        if if_due and not upkeep.vacuum_is_due(opened, now()):
            return None
        return upkeep.vacuum(opened, settings.data_dir, now)
