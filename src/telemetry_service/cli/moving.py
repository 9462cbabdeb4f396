"""Commands that bring installations in from other stores, and out of this one."""

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from telemetry_service.cli.environment import current_settings, job_told, source_told

import_app = typer.Typer(no_args_is_help=True, help="Bring in installations from another store.")
export_app = typer.Typer(no_args_is_help=True, help="Write what the store holds to a file.")
History = Annotated[
    bool, typer.Option("--history", help="Count also what is older than RETENTION_DAYS; once, while nothing so old is counted.")
]
Out = Annotated[
    Path | None, typer.Option(help="The file to write, for its owner alone; standard output unless named.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="The report as JSON, for programs.")]


@import_app.command("pocketbase")
def import_pocketbase(
    data: Annotated[
        Path | None, typer.Option(help="The file data.db in PocketBase's directory pb_data, or a copy of it.", show_default=False)
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="The address of PocketBase, such as http://127.0.0.1:8090.", show_default=False)
    ] = None,
    collection: Annotated[str, typer.Option(help="The collection; POCKETBASE_COLLECTION unless named.", show_default=False)] = "",
    history: History = False,
    as_json: AsJson = False,
) -> None:
    """Import a collection of PocketBase: columns named as on the wire, with `created` and `updated`.

    Each row goes through the same checks as a report: error texts are reduced to the line that explains the failure, and
    cleaned. Several rows of one execution become one installation. Run it again whenever you like: it goes on where it was
    stopped, and what is there already changes nothing. Works while the service runs, taking turns with it, and faster without
    it. Never writes to PocketBase or its files. --data is some times faster; for --url set POCKETBASE_EMAIL and
    POCKETBASE_PASSWORD_FILE, or POCKETBASE_TOKEN, of a superuser.

    Example: telemetry-service import pocketbase --data /srv/pocketbase/pb_data/data.db
    """
    from telemetry_service.bootstrap.moving import bring_in
    from telemetry_service.bootstrap.reading import Place

    settings = current_settings()
    collection = collection or settings.pocketbase_collection
    if (data is None) == (url is None):
        raise typer.BadParameter("say where: --url URL or --data FILE")
    if data is not None:
        place = Place(kind="data", where=str(data.absolute()), collection=collection)
    else:
        place = Place(kind="records", where=_server(url or ""), collection=collection)
    with source_told(), job_told():
        counts = bring_in(settings, place, history=history)
    _report(counts, as_json=as_json)


@import_app.command("jsonl")
def import_jsonl(
    file: Annotated[Path, typer.Argument(help="A file with one JSON object a line, or - for standard input.")],
    history: History = False,
    as_json: AsJson = False,
) -> None:
    """Import rows in JSON, one a line: of PocketBase, of ClickHouse (FORMAT JSONEachRow), or of `export jsonl`.

    Rows are named as on the wire, with `created`, the receipt, in UTC. A row may also be one event: several of one execution
    become one installation. 0 stands for what is not known. Run it again whenever you like, as with `import pocketbase`;
    standard input is read from its beginning then.

    Example: clickhouse-client -q "SELECT * FROM telemetry FORMAT JSONEachRow" | telemetry-service import jsonl -
    """
    from telemetry_service.bootstrap.moving import bring_in
    from telemetry_service.bootstrap.reading import Place

    where = "-" if str(file) == "-" else str(file.absolute())
    with source_told(), job_told():
        counts = bring_in(current_settings(), Place(kind="lines", where=where), history=history)
    _report(counts, as_json=as_json)


@export_app.command("jsonl")
def export_jsonl(out: Out = None) -> None:
    """Write everything that makes the reports: installations, one a line, counts of sealed days, and the lines of causes.

    `import jsonl` into a new data directory makes the same exact reports of it, with another key too. The file holds random ids,
    since their holders may go on asking for what is stored; execution ids are stored as keyed hashes alone, and those are in
    it. Keep it as you keep the store. Works while the service runs.

    Example: telemetry-service export jsonl --out telemetry.jsonl
    """
    from telemetry_service.bootstrap.exporting import export_lines

    _exported(export_lines(current_settings(), out), out)


@export_app.command("csv")
def export_csv(out: Out = None) -> None:
    """Write the installations as a table for spreadsheets, with a short name in place of their ids.

    Works while the service runs.

    Example: telemetry-service export csv --out telemetry.csv
    """
    from telemetry_service.bootstrap.exporting import export_csv as run

    _exported(run(current_settings(), out), out)


def _exported(n: int, out: Path | None) -> None:
    if out is not None:
        print(f"{n:,} installations in {out}")


def _server(url: str) -> str:
    from telemetry_service.settings.parsing import server

    try:
        return server(url)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--url") from None


def _report(counts: Counter[str], *, as_json: bool) -> None:
    """Print what became of the rows; nothing of use among them is a failure."""
    if as_json:
        print(json.dumps(counts))
    else:
        _print_counts(counts)
    if why := _useless(counts):
        print(f"telemetry-service: {why}", file=sys.stderr)
        raise typer.Exit(1)


def _useless(counts: Counter[str]) -> str:
    """Why a source cannot be the right one; empty if it may be."""
    from telemetry_service.jobs.importing import MIRRORED, REFUSED

    read = counts["read"]
    if read and counts[MIRRORED] == read:
        return "this is the mirror of this service: its records came from here"
    if read and sum(n for name, n in counts.items() if name.startswith(REFUSED)) == read:
        return "none of it can be imported; are its columns named as `telemetry-service fields` has them?"
    return ""


def _print_counts(counts: Counter[str]) -> None:
    from telemetry_service.jobs.importing import OLD

    hint = "; in a data directory that has counted nothing so old, --history counts it"
    width = max(len(f"{n:,}") for n in (*counts.values(), 0))
    for name in ("read", "taken", "merged"):
        print(f"{counts[name]:>{width},} {name}")
    for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if name not in ("read", "taken", "merged"):
            print(f"{n:>{width},} {name}{hint if name == OLD else ''}")
