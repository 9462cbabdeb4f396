"""Writing the public site: what the running service answers in public, and the counts as data files."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from telemetry_service.core.period import iso_day
from telemetry_service.core.public_data import DATABASE, DICTIONARY, LICENCE, LICENCE_NOTE, data_dictionary, licence_note
from telemetry_service.jobs.pages_branch import MARK, MARK_TEXT
from telemetry_service.store.public_database import write_csv_files, write_database

NO_JEKYLL = ".nojekyll"  # tells GitHub to serve the files as they are


def write_site(folder: Path, copy: Path, answers: Iterable[tuple[str, bytes]], *, day: int, k: int) -> int:
    """Write every file of the site into an empty folder; returns how many bytes that was.

    `copy` is what `copy_public` made; `answers` are (path, content) of pages and the like. Equal data give equal bytes: the
    only date is the UTC day up to which the data goes.
    """
    for path, body in answers:
        _write(folder / path, body)
    _write(folder / NO_JEKYLL, b"")
    _write(folder / DICTIONARY, data_dictionary(iso_day(day), k).encode())
    _write(folder / LICENCE_NOTE, licence_note().encode())
    _write(folder / MARK, msgspec.json.encode({"made_by": MARK_TEXT, "day": iso_day(day), "k": k, "licence": LICENCE}) + b"\n")
    write_database(copy, folder / DATABASE, day, k)
    write_csv_files(folder / DATABASE, folder)
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
