"""Commands that keep installations no longer than is said. The service runs them by itself; see docs/operating.md."""

import json
from typing import Annotated

import typer

from telemetry_service.cli.environment import current_settings, job_told

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say how many, and change nothing.")]


def cleanup(
    dry_run: DryRun = False,
    as_json: Annotated[bool, typer.Option("--json", help='As JSON: {"updated": n}.')] = False,
) -> None:
    """Let installations that have not ended after CLEANUP_STUCK_HOURS become `unknown` (category timeout).

    Works while the service runs, which does it by itself every CLEANUP_INTERVAL_MIN. Each installation is given up once; if a
    client still reports how it ended, that wins.
    """
    from telemetry_service.bootstrap.upkeep import clean_up

    found = clean_up(current_settings(), dry_run=dry_run)
    if as_json:
        print(json.dumps({"stuck" if dry_run else "updated": found}))
    else:
        print(f"{found} installations {'are stuck' if dry_run else 'became unknown'}")


def retention(dry_run: DryRun = False) -> None:
    """Delete installations of the UTC days that are older than RETENTION_DAYS, and check that none is left. Counts stay.

    Works while the service runs, which does it by itself soon after midnight (UTC). Deleted days are sealed: nothing is added to
    them any more.
    """
    from telemetry_service.bootstrap.upkeep import retain

    with job_told():
        found = retain(current_settings(), dry_run=dry_run)
    print(f"{found} installations {'are over their time' if dry_run else 'deleted'}")


def vacuum(
    if_due: Annotated[
        bool, typer.Option("--if-due", help="Only if something was deleted, and the last time was six days ago.")
    ] = False,
) -> None:
    """Write the store anew, so that no byte of what was deleted is left in its file.

    Works while the service runs, which does it by itself within seven days of a deletion. Reports are taken meanwhile, and
    counted when it is done. Needs free space of twice the size of the store, which is checked first.
    """
    from telemetry_service.bootstrap.upkeep import vacuum as run

    with job_told():
        counts = run(current_settings(), if_due=if_due)
    if counts is None:
        print("nothing to do yet")
    else:
        print(f"written anew: {counts['bytes_before'] // 1024} kB before, {counts['bytes_after'] // 1024} kB after")
