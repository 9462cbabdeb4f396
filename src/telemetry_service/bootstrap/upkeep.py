"""Clean-up, retention, VACUUM and backups of a data directory, beside a running service or without one."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from telemetry_service.bootstrap.assembly import now, store_options
from telemetry_service.jobs import upkeep
from telemetry_service.settings import Settings
from telemetry_service.store import inbox, restoring, retention, store
from telemetry_service.store.backup import Manifest
from telemetry_service.store.database import COMMAND_WAIT_SECONDS, connect
from telemetry_service.store.directory import identities, store_file
from telemetry_service.store.inbox import InboxReader
from telemetry_service.store.restoring import Restored
from telemetry_service.store.store import Store
from telemetry_service.store.stuck import count_stuck

CACHE_MB = 8  # a command has less to remember than the fold
RETENTION_CACHE_MB = 64  # the indexes of a million installations: each page that a transaction changes is then written once


@contextmanager
def existing_store(settings: Settings, cache_mb: int = CACHE_MB) -> Iterator[Store]:
    """The store of a data directory, for a command. Raises `UnusableData` where there is none."""
    store_file(settings.data_dir)
    ids = identities(settings.data_dir)
    options = store_options(settings)
    with closing(
        Store(settings.data_dir, options, ids, now=now(), cache_mb=cache_mb, wait_seconds=COMMAND_WAIT_SECONDS)
    ) as opened:
        yield opened


def clean_up(settings: Settings, *, dry_run: bool) -> int:
    """Let stuck installations end as `unknown`; how many those are. A dry run changes nothing."""
    with existing_store(settings) as opened:
        if dry_run:
            return count_stuck(opened.connection, now(), settings.cleanup_stuck_hours)
        return upkeep.clean_up(opened, settings.cleanup_stuck_hours, now)


def retain(settings: Settings, *, dry_run: bool) -> int:
    """Delete what is older than is kept; how many installations those are. A dry run changes nothing."""
    with existing_store(settings, RETENTION_CACHE_MB) as opened:
        if dry_run:
            through = retention.last_day_over(now() // upkeep.MICROSECONDS_PER_DAY, settings.retention_days)
            return retention.count_through(opened.connection, through)
        waiting = InboxReader(settings.data_dir) if (settings.data_dir / inbox.FILE_NAME).exists() else None
        try:
            backups = upkeep.Backups(backup_folder(settings), settings.backup_keep_days)
            return upkeep.retain(opened, waiting, settings.retention_days, now, backups)["installations"]
        finally:
            if waiting is not None:
                waiting.close()


def vacuum(settings: Settings, *, if_due: bool) -> upkeep.Counts | None:
    """Write the store anew, without what was deleted; None when that is not due, if asked."""
    with existing_store(settings) as opened:
        if if_due and not upkeep.vacuum_is_due(opened, now()):
            return None
        return upkeep.vacuum(opened, settings.data_dir, now)


def backup_folder(settings: Settings) -> Path:
    """Where the service puts its backups, and deletes them again."""
    return settings.backup_dir or settings.data_dir / "backups"


def back_up(settings: Settings, folder: Path | None) -> tuple[Path, Manifest]:
    """Back up the data directory, beside a running service or without one; where the backup is, and what it holds."""
    store_file(settings.data_dir)
    # Neither a key nor the newest schema is needed for it: a backup comes before an update.
    with closing(connect(settings.data_dir / store.FILE_NAME, wait_seconds=COMMAND_WAIT_SECONDS)) as connection:
        return upkeep.back_up(connection, settings.data_dir, folder or backup_folder(settings), now)


def restore(settings: Settings, backup: Path, *, replace: bool) -> Restored:
    """Put a backup in the place of the data directory; no service may use it."""
    return restoring.restore(backup, settings.data_dir, store_options(settings), now(), replace=replace)
