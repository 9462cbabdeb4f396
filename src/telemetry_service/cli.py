"""The command line: its help is the manual. Each command loads what it needs, so that help and start-up stay quick."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry_service.settings import InvalidSettings, Settings, from_environ
from telemetry_service.store.database import StoreUnavailable, UnusableData

if TYPE_CHECKING:
    from telemetry_service.filters import Distil, Scrub

SHOWN_DIFFERENCES = 50

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Counts, anonymously and with consent, what happens when installation scripts run.\n\n"
    "Every setting is an environment variable; `telemetry-service settings` lists them.",
)
token_app = typer.Typer(no_args_is_help=True, help="Access tokens for the private numbers.")
app.add_typer(token_app, name="token")


@app.command()
def serve() -> None:
    """Run the service until SIGTERM or Ctrl-C.

    Listens on LISTEN_ADDR (:8080) and keeps everything in DATA_DIR (./data). Prints one line with the address once it answers.
    A report that was answered 202 is on disk.
    """
    from telemetry_service.bootstrap import CannotListen
    from telemetry_service.bootstrap import serve as run

    try:
        run(_settings())
    except CannotListen as error:
        print(f"telemetry-service: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


@app.command()
def preview() -> None:
    """Show what would be stored of a payload, and what would be dropped and why.

    Reads one payload from standard input, as a client would post it, and stores nothing.

    Example: echo '{"random_id": "...", "type": "lxc", "nsapp": "jellyfin", "status": "success"}' | telemetry-service preview
    """
    from telemetry_service.bootstrap import preview as run

    shown, usable = run(_settings(), sys.stdin.buffer.read())
    print(json.dumps(shown, indent=2, ensure_ascii=False))
    if not usable:
        raise typer.Exit(1)


@app.command()
def scrub(
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read {"text": ...} a line, write {"text": ..., "rules": [...]}.')
    ] = False,
    gate: Annotated[bool, typer.Option("--gate", help="Also mask every word that is not public vocabulary, as <x>.")] = False,
) -> None:
    """Remove what could identify a person, a machine or a network from text, and say with what rules.

    Reads standard input, writes standard output, stores nothing and sends nothing. A placeholder says what was there: <ipv4>,
    <host>, <user>, <secret> ... A host or user found once goes wherever the text names it. With --gate the words that are left
    and not public vocabulary go too: what is then left could be stored. PUBLIC_HOSTS names further hosts that may stay.

    With --jsonl each line is a text of its own, answered before the next is read; other keys are ignored. A line that cannot
    be read is named on standard error by its number alone, the rest is still done, and the status is 1.

    Example: journalctl -u jellyfin | telemetry-service scrub
    """
    from telemetry_service.filters import Scrub

    _filter(Scrub(_settings(), gate=gate), jsonl)


@app.command()
def distil(
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help='Read {"error": ...} a line, write {"error": ..., "fingerprint": ...}.')
    ] = False,
) -> None:
    """Show the one line that is kept of an installation log: the cause of the failure, without what could identify anyone.

    Reads standard input as a client would send it in `error`: "exit_code=N | meaning | at line L: command", a line "---", and
    the log; any part of that will do. Writes at most ERROR_MAX_CHARS characters, exactly what would be stored; stores nothing.

    With --jsonl each line is an error of its own, answered before the next is read, with 16 hex digits that are equal for equal
    causes (in the service an app's failures are told apart besides). A line that cannot be read is named on standard error by
    its number alone, the rest is still done, and the status is 1.

    Example: telemetry-service distil < install.log
    """
    from telemetry_service.filters import Distil

    _filter(Distil(_settings()), jsonl)


@app.command()
def fields(
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """List every field that is accepted: type, limits, purpose, and how it is cleaned.

    What is not in this list has nowhere to go.
    """
    import msgspec

    from telemetry_service.core.fields import FIELDS

    if as_json:
        print(msgspec.json.format(msgspec.json.encode(FIELDS), indent=2).decode())
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("field", "type", "accepted", "purpose", "record", "what it is", "how it is cleaned")
    for field in FIELDS:
        limit = " ".join(field.values) or (f"{field.minimum}..{field.maximum} {field.unit}" if field.maximum else "")
        table.add_row(
            *(field.name, field.kind, limit.strip(), field.purpose.partition(":")[0]),
            *(field.record, field.description, field.cleaning),
        )
    Console().print(table)


@app.command()
def settings() -> None:
    """List every setting with its default and meaning."""
    from telemetry_service.settings import SETTINGS

    for setting in SETTINGS:
        print(f"{setting.name}={setting.default}\n    {setting.text}")


@app.command()
def recount() -> None:
    """Prove the counts: add up all installations anew and compare every cell.

    Works while the service runs. Prints the cells that differ and ends with status 1 if there are any.
    """
    from telemetry_service.bootstrap import recount as run

    differing = run(_settings())
    for subject, day, cell, stored, expected in differing[:SHOWN_DIFFERENCES]:
        print(f"subject {subject} day {day} cell {cell}: stored {stored}, recounted {expected}")
    print(f"{len(differing)} cells differ" if differing else "every count agrees with the installations")
    if differing:
        raise typer.Exit(1)


@app.command()
def demo(
    installations: Annotated[int, typer.Option(min=1, help="How many installations.")] = 20_000,
    days: Annotated[int, typer.Option(min=1, max=365, help="Over how many days, up to today.")] = 365,
    seed: Annotated[int, typer.Option(help="The same seed makes the same data.")] = 1,
) -> None:
    """Fill DATA_DIR with plausible data: about 450 apps, a weekly rhythm, some scripts that break and are fixed.

    The reports go through the real intake and fold. The service must not be running on this directory.
    """
    from telemetry_service.bootstrap import demo as run

    run(_settings(), installations=installations, days=days, seed=seed)
    print(f"{installations} installations over {days} days; see them with: telemetry-service serve")


@app.command()
def publish(
    to: Annotated[
        Path | None, typer.Option(help="Write it into this directory, which is replaced as a whole.", show_default=False)
    ] = None,
    push: Annotated[bool, typer.Option("--push", help="Push it to the Pages branch of GITHUB_OWNER/GITHUB_REPO.")] = False,
) -> None:
    """Write the public site as static files: pages, JSON, CSV, badges, and one SQLite database of the public counts.

    It holds published counts alone, and equal counts make equal files. Works while the service runs. With --push the branch
    GITHUB_PAGES_BRANCH (gh-pages) shows it as its one commit; GITHUB_TOKEN may write there. Nothing is pushed when
    nothing changed.

    Example: telemetry-service publish --to ./site
    """
    from telemetry_service.logs import set_up_logging
    from telemetry_service.publication import CannotPublish
    from telemetry_service.publication import publish as run

    if to is None and not push:
        raise typer.BadParameter("say where: --to DIR, --push, or both")
    set_up_logging()
    try:
        said = run(_settings(), to, push=push)
    except CannotPublish as error:
        print(f"telemetry-service: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    print("\n".join(said))


@app.command(name="new-key")
def new_key() -> None:
    """Make a new key for a data directory whose key file is lost for good.

    Existing tokens become void, stored data can no longer be found by its id, and installations under way count anew.
    """
    from telemetry_service.store.directory import create_key

    create_key(_settings().data_dir)
    print("a new key is in place")


@token_app.command("create")
def token_create(
    scope: Annotated[str, typer.Option(help="ingest (send reports), read (exact numbers) or admin (all).")],
    name: Annotated[str, typer.Option(help="Whom or what the token is for.")],
    expires: Annotated[str, typer.Option(help="How long it is valid: a number of days such as 90d, or never.")] = "90d",
) -> None:
    """Make an access token and print it as the last line. It is shown once; only a keyed hash is stored.

    Works while the service runs. Send it as: Authorization: Bearer TOKEN
    """
    from telemetry_service.bootstrap import create_token
    from telemetry_service.store.tokens import SCOPES, NameTaken

    if scope not in SCOPES:
        raise typer.BadParameter(f"must be one of {', '.join(SCOPES)}", param_hint="--scope")
    try:
        secret = create_token(_settings(), scope=scope, name=name, days=_days(expires))
    except NameTaken:
        raise typer.BadParameter("a token with this name exists; choose another name", param_hint="--name") from None
    print(secret)


def _filter(clean: "Scrub | Distil", jsonl: bool) -> None:
    """Run standard input through `clean`; a reader that goes away ends it without a word, as it does other filters."""
    from telemetry_service.filters import lines, whole

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    if not jsonl:
        whole(clean, source, target)
    elif not lines(clean, source, target, lambda said: print(f"telemetry-service: {said}", file=sys.stderr)):
        raise typer.Exit(1)


@token_app.command("list")
def token_list() -> None:
    """List all tokens: what they may do, until when, and the last day they were used. Of their use nothing else is kept.

    Days are UTC days. The last use may be half a minute late to appear.
    """
    from rich.console import Console
    from rich.table import Table

    from telemetry_service.bootstrap import list_tokens

    table = Table("name", "scope", "created", "valid through", "last used", "state")
    for row in list_tokens(_settings()):
        table.add_row(*row)
    Console().print(table)


@token_app.command("revoke")
def token_revoke(name: Annotated[str, typer.Option(help="The name it was made with.")]) -> None:
    """End a token at once, and every session that began with it. The running service sees it with its next request."""
    from telemetry_service.bootstrap import revoke_token

    if not revoke_token(_settings(), name):
        raise typer.BadParameter("no valid token has this name; see: telemetry-service token list", param_hint="--name")
    print("revoked")


def _days(text: str) -> int | None:
    """Days of a duration such as 90d; None for never."""
    if text == "never":
        return None
    days = text.removesuffix("d")
    if not (days.isascii() and days.isdigit() and 1 <= len(days) <= 4 and int(days) > 0):
        raise typer.BadParameter("must be a number of days such as 90d, or never", param_hint="--expires")
    return int(days)


def _settings() -> Settings:
    return from_environ(os.environ)


def main() -> None:
    """Run a command; what goes wrong is said in one line, and how to mend it."""
    os.umask(0o077)  # what the service and its commands write is for their own user
    try:
        app()
    except (InvalidSettings, UnusableData, StoreUnavailable) as error:
        print(f"telemetry-service: {error}", file=sys.stderr)
        sys.exit(1)
