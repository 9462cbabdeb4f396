"""Commands about the mirror in PocketBase."""

from datetime import UTC, datetime

import typer

from telemetry_service.cli.environment import current_settings

mirror_app = typer.Typer(no_args_is_help=True, help="The mirror in PocketBase: how it stands, and what to try again.")


@mirror_app.command()
def status() -> None:
    """How the mirror stands: what waits, what was set aside and why, and what keeps it from working.

    Works while the service runs.
    """
    from telemetry_service.bootstrap.mirroring import standing_now

    mirror, reasons = standing_now(current_settings())
    print(f"{mirror.written} records written, {mirror.deleted} deleted; last worked: {_instant(mirror.last_success_at)}")
    oldest = f", the oldest since {_instant(mirror.oldest_at)}" if mirror.oldest_at else ""
    print(f"{mirror.waiting} installations wait{oldest}" + ("" if mirror.reconciled else "; everything is still to be compared"))
    if mirror.problem:
        print(f"it waits since {_instant(mirror.problem_since)}: {mirror.problem}")
    if mirror.not_ours:
        print(f"{mirror.not_ours} records in the collection are not of this service; they are left alone")
    for reason, n in reasons:
        print(f"{n} set aside: {reason}")
    if mirror.set_aside:
        print("try them again with: telemetry-service mirror retry")


@mirror_app.command()
def retry() -> None:
    """Try all installations again that PocketBase refused for good; works while the service runs."""
    from telemetry_service.bootstrap.mirroring import retry as run

    print(f"{run(current_settings())} installations are tried again")


@mirror_app.command()
def resend() -> None:
    """Compare everything with PocketBase and send it again, such as after PocketBase was restored from a backup.

    Works while the service runs. Records of this service without an installation are deleted; all others are left alone.
    """
    from telemetry_service.bootstrap.mirroring import resend as run

    run(current_settings())
    print("everything is compared and sent again")


def _instant(seconds: int | None) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC" if seconds else "never"
