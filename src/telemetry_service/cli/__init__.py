"""The command line: its help is the manual. Each command loads what it needs, so that help and start-up stay quick."""

import inspect
import os
import sys
from collections.abc import Callable

import typer

from telemetry_service.cli import auditing, backups, counting, looking, publishing, recording, service, telling, upkeep, watching
from telemetry_service.cli.mirrors import mirror_app
from telemetry_service.cli.moving import export_app, import_app
from telemetry_service.cli.tokens import token_app
from telemetry_service.logs import set_up_logging
from telemetry_service.settings import InvalidSettings
from telemetry_service.store.database import StoreUnavailable, UnusableData

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Counts, anonymously and with consent, what happens when installation scripts run.\n\n"
    "Every setting is an environment variable; `telemetry-service settings` lists them.",
)
GROUPS: dict[str, tuple[Callable[..., None], ...]] = {
    "The service": (service.serve, service.settings, service.new_key, counting.demo),
    "What becomes of a report": (looking.preview, looking.scrub, looking.distil, looking.fields),
    "What the reports tell": (watching.changes, watching.watch, telling.report, telling.alerts, publishing.publish),
    "Upkeep": (upkeep.cleanup, upkeep.retention, upkeep.vacuum, backups.backup, backups.restore, counting.recount),
    "Privacy": (recording.record, auditing.audit),
}
for group, commands in GROUPS.items():
    for command in commands:
        app.command(rich_help_panel=group)(command)
FAMILIES = {"token": token_app, "import": import_app, "export": export_app, "mirror": mirror_app}
for name, family in FAMILIES.items():
    app.add_typer(family, name=name, rich_help_panel="Access and other stores")
for each in (app, *FAMILIES.values()):
    for registered in each.registered_commands:
        # A paragraph is one line here, so that it wraps in whatever width there is.
        paragraphs = (inspect.getdoc(registered.callback) or "").split("\n\n")
        registered.help = "\n\n".join(paragraph.replace("\n", " ") for paragraph in paragraphs)


def main() -> None:
    """Run a command; what goes wrong is said in one line, and how to mend it."""
    os.umask(0o077)  # what the service and its commands write is for their own user
    set_up_logging()
    try:
        app()
    except (InvalidSettings, UnusableData, StoreUnavailable) as error:
        print(f"telemetry-service: {error}", file=sys.stderr)
        sys.exit(1)
