"""Commands that show what would be kept of a payload, a text or a log; nothing is stored."""

import json
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from telemetry_service.cli.environment import current_settings

if TYPE_CHECKING:
    from telemetry_service.bootstrap.filtering import Distil, Scrub


def preview() -> None:
    """Show what would be stored of a payload, and what would be dropped and why.

    Reads one payload from standard input, as a client would post it, and stores nothing.

    Example: echo '{"random_id": "...", "type": "lxc", "nsapp": "jellyfin", "status": "success"}' | telemetry-service preview
    """
    from telemetry_service.bootstrap.previewing import preview as run

    shown, usable = run(current_settings(), sys.stdin.buffer.read())
    print(json.dumps(shown, indent=2, ensure_ascii=False))
    if not usable:
        raise typer.Exit(1)


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
    from telemetry_service.bootstrap.filtering import Scrub

    _filter(Scrub(current_settings(), gate=gate), jsonl)


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
    from telemetry_service.bootstrap.filtering import Distil

    _filter(Distil(current_settings()), jsonl)


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


def _filter(clean: "Scrub | Distil", jsonl: bool) -> None:
    """Run standard input through `clean`; a reader that goes away ends it without a word, as it does other filters."""
    from telemetry_service.bootstrap.filtering import lines, whole

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    source, target = sys.stdin.buffer, sys.stdout.buffer
    if not jsonl:
        whole(clean, source, target)
    elif not lines(clean, source, target, lambda said: print(f"telemetry-service: {said}", file=sys.stderr)):
        raise typer.Exit(1)
