"""Commands that copy a data directory and put a copy back; see docs/operating.md."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from telemetry_service.cli.environment import current_settings

NO_KEY = (
    "WITHOUT secret.key: it is missing in DATA_DIR. Without the key tokens are void and nothing is found by its id;"
    " keep a copy of it beside this backup"
)


def backup(
    folder: Annotated[
        Path | None, typer.Argument(help="Where to put it. Default: BACKUP_DIR, or backups in DATA_DIR.", show_default=False)
    ] = None,
) -> None:
    """Back up the data directory: inbox, store and key, into a new directory of mode 0700.

    Works while the service runs and holds up nobody. Every report that was acknowledged before it began is in it. The backup is
    opened and checked before this says that it is there. Backups in BACKUP_DIR are deleted after BACKUP_KEEP_DAYS, so that
    a deletion reaches them; what you put elsewhere, delete by the day that is named.
    """
    from telemetry_service.bootstrap.upkeep import back_up, backup_folder

    settings = current_settings()
    path, manifest = back_up(settings, folder)
    made = datetime.fromtimestamp(manifest.made_at / 1_000_000, UTC)
    gone = made + timedelta(days=settings.backup_keep_days)
    print(f"{path}: {manifest.installations} installations, {manifest.waiting_reports} reports in the inbox; opened and checked")
    print("with secret.key: keep it where nobody else can read it" if manifest.has_key else NO_KEY)
    ours = folder is None or folder.resolve() == backup_folder(settings).resolve()
    print(f"{'is deleted by the service on' if ours else 'delete it yourself by'} {gone:%Y-%m-%d}, so that erasures reach it")


def restore(
    source: Annotated[Path, typer.Argument(metavar="BACKUP", help="The directory that `backup` made.")],
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of data that is there.")] = False,
) -> None:
    """Put a backup in DATA_DIR, after checking it. The service must not run.

    What was erased after the backup was made stays erased, as far as the data that is replaced still tells. Everything else
    that came after it is lost: make a backup of what is there first. Cut off, it can be run again.
    """
    from telemetry_service.bootstrap.upkeep import restore as run

    restored = run(current_settings(), source, replace=replace)
    made = datetime.fromtimestamp(restored.manifest.made_at / 1_000_000, UTC)
    print(f"restored the backup of {made:%Y-%m-%d %H:%M:%S} UTC: {restored.installations} installations")
    if restored.erasures is None:
        print("what was erased after it is NOT known: the data in place could not be read, or had another key. Erase it again")
    elif replace:
        print(f"{restored.erasures} ids were erased after it, and are erased here, too")
    print("start the service now")
