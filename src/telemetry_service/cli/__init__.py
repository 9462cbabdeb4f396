"""The command line: its help is the manual. Each command loads what it needs, so that help and start-up stay quick."""

import os
import sys

import typer

from telemetry_service.cli import auditing, backups, counting, looking, publishing, recording, service, telling, upkeep, watching
from telemetry_service.cli.mirrors import mirror_app
from telemetry_service.cli.moving import export_app, import_app
from telemetry_service.cli.tokens import token_app
from telemetry_service.settings import InvalidSettings
from telemetry_service.store.database import StoreUnavailable, UnusableData

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Counts, anonymously and with consent, what happens when installation scripts run.\n\n"
    "Every setting is an environment variable; `telemetry-service settings` lists them.",
)
for command in (
    service.serve,
    looking.preview,
    looking.scrub,
    looking.distil,
    looking.fields,
    service.settings,
    counting.recount,
    counting.demo,
    publishing.publish,
    recording.record,
    auditing.audit,
    service.new_key,
    upkeep.cleanup,
    upkeep.retention,
    upkeep.vacuum,
    backups.backup,
    backups.restore,
    watching.watch,
    watching.changes,
    telling.alerts,
    telling.report,
):
    app.command()(command)
app.add_typer(token_app, name="token")
app.add_typer(import_app, name="import")
app.add_typer(export_app, name="export")
app.add_typer(mirror_app, name="mirror")


def main() -> None:
    """Run a command; what goes wrong is said in one line, and how to mend it."""
    os.umask(0o077)  # what the service and its commands write is for their own user
    try:
        app()
    except (InvalidSettings, UnusableData, StoreUnavailable) as error:
        print(f"telemetry-service: {error}", file=sys.stderr)
        sys.exit(1)
