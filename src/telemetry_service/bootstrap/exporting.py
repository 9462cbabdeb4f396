"""What the store holds, as a file."""

import csv
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from rich.console import Console
from rich.progress import Progress

from telemetry_service.bootstrap.counting import PROGRESS_COLUMNS
from telemetry_service.core.exported import exported, exported_header, exported_label
from telemetry_service.core.exported_counts import exported_count
from telemetry_service.core.fields import REGISTERS
from telemetry_service.core.flat import DERIVED, TIMES, flat
from telemetry_service.core.identity import Identities
from telemetry_service.core.installation import Installation
from telemetry_service.core.spreadsheet import guarded
from telemetry_service.settings import Settings
from telemetry_service.store.database import UnusableData
from telemetry_service.store.directory import identities, store_file
from telemetry_service.store.exporting import Content, content

SHOW_EVERY = 1_000
_OUTCOME = ("status", "exit_code", "error", "error_category", "install_duration")
_COLUMNS = ("id", *TIMES[:2], *_OUTCOME, *DERIVED, *REGISTERS)
_encode = msgspec.json.Encoder().encode


def export_lines(settings: Settings, out: Path | None) -> int:
    """Everything that `import jsonl` takes to make the same installations, counts and reports; how many installations."""
    with _opened(settings) as (found, _), _written(out) as file, _shown(found) as show:
        for row in _lines_besides(found):
            file.write(_encode(row) + b"\n")
        for installation in found.installations():
            file.write(_encode(exported(installation)) + b"\n")
            show()
        return show.done


def export_csv(settings: Settings, out: Path | None) -> int:
    """The installations as a table for spreadsheets, without ids of clients; how many."""
    with _opened(settings) as (found, ids), _written(out) as file, _shown(found) as show:
        text = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerow(_COLUMNS)
        for installation in found.installations():
            writer.writerow(_cells(installation, ids))
            show()
        text.detach()
        return show.done


def _lines_besides(found: Content) -> Iterator[dict[str, Any]]:
    yield exported_header(found.sealed_through)
    for cause, label in found.labels():
        yield exported_label(cause, label)
    for counted in found.sealed_counts():
        yield exported_count(*counted)


def _cells(installation: Installation, ids: Identities) -> Iterator[str | int]:
    row = flat(installation) | {"id": ids.handle(installation.execution)}
    return map(guarded, map(row.__getitem__, _COLUMNS))


@contextmanager
def _opened(settings: Settings) -> Iterator[tuple[Content, Identities]]:
    store_file(settings.data_dir)
    ids = identities(settings.data_dir)
    with content(settings.data_dir, ids) as found:
        yield found, ids


@contextmanager
def _written(out: Path | None) -> Iterator[BinaryIO]:
    """A file for its owner alone, in its place when it is whole; or standard output.

    Raises `UnusableData`; and `BrokenPipeError` when who reads standard output has gone.
    """
    if out is None:
        try:
            with open(sys.stdout.fileno(), "wb", closefd=False) as file:  # sys.stdout would keep what it cannot write
                yield file
        except BrokenPipeError:
            raise
        except OSError as error:
            raise UnusableData(f"standard output cannot be written ({error.strerror})") from None
        return
    if out.exists() and not out.is_file():  # a device would be replaced by the file
        raise UnusableData(f"{out} is no file; choose another one, or leave --out away for standard output")
    part = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            yield file
        part.replace(out)
    except OSError as error:
        raise UnusableData(f"{out} cannot be written ({error.strerror}); choose another file with --out") from None
    finally:
        part.unlink(missing_ok=True)


class _Shown:
    def __init__(self, update: Callable[[int], object]) -> None:
        self.done = 0
        self._update = update

    def __call__(self) -> None:
        self.done += 1
        if self.done % SHOW_EVERY == 0:
            self._update(self.done)


@contextmanager
def _shown(found: Content) -> Iterator[_Shown]:
    with Progress(*PROGRESS_COLUMNS, console=Console(stderr=True)) as bar:
        task = bar.add_task("exporting", total=found.total())
        shown = _Shown(lambda done: bar.update(task, completed=done))
        yield shown
        bar.update(task, completed=shown.done)
