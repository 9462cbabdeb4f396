"""Logs: structured lines, on standard error or in one file a day that is deleted after some days.

Lines hold what is named in the code and nothing else; the loggers of libraries are reduced to where they spoke, because their
texts may quote a request or an address.
"""

import atexit
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TextIO

SECONDS_PER_DAY = 86_400
_FILE_NAME = re.compile(r"telemetry-service-(\d{4}-\d{2}-\d{2})\.log", re.ASCII)

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({})))

log = logging.getLogger(__name__)


class DailyFiles:
    """A text stream into one file per UTC day.

    Files carry the day in their name, so that two processes may write and neither has to rename what the other has open. A line
    that cannot be written is lost: a full disk must not stop the service.
    """

    def __init__(self, directory: Path, kept_days: int, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970. Raises `OSError` when the directory cannot be made."""
        self._directory = directory
        self._kept_days = kept_days
        self._clock = clock
        self._day = -1
        self._file: TextIO | None = None
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.tidy()

    def write(self, text: str) -> int:
        with self._lock, suppress(OSError):
            if self._day != self._today():
                self._begin(self._today())
            if self._file is not None:
                self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with self._lock, suppress(OSError):
            if self._file is not None:
                self._file.flush()

    def tidy(self) -> None:
        """Delete what has been kept for its time; also called when nothing is logged."""
        first_kept = date(1970, 1, 1) + timedelta(days=self._today() - self._kept_days + 1)
        with suppress(OSError):
            for path in self._directory.iterdir():
                found = _FILE_NAME.fullmatch(path.name)
                if found and found[1] < first_kept.isoformat():
                    path.unlink(missing_ok=True)

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()
                self._file = None
            self._day = -1

    def _today(self) -> int:
        return int(self._clock() // SECONDS_PER_DAY)

    def _begin(self, day: int) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        name = datetime.fromtimestamp(day * SECONDS_PER_DAY, UTC).strftime("telemetry-service-%Y-%m-%d.log")
        descriptor = os.open(self._directory / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8", buffering=1)
        self._day = day
        self.tidy()


def set_up_logging(directory: Path | None = None, kept_days: int = 0) -> DailyFiles | None:
    """Structured lines to standard error, or to daily files in a directory; these are returned."""
    files = DailyFiles(directory, kept_days) if directory else None
    if files is not None:
        atexit.register(files.close)
    lines = logging.StreamHandler(files or sys.stderr)
    lines.setFormatter(_KeyValues())
    ours = logging.getLogger(__package__)
    ours.handlers = [lines]
    ours.propagate = False
    ours.setLevel(logging.INFO)
    libraries = logging.getLogger()
    libraries.handlers = [_NameOnly()]
    libraries.setLevel(logging.ERROR)
    return files


class _KeyValues(logging.Formatter):
    """`time='...' level='...' event='...'` and what else the call names in `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        said = {name: value for name, value in vars(record).items() if name not in _OF_EVERY_RECORD}
        time = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line = {"time": time, "level": record.levelname.lower(), "event": record.getMessage(), **said}
        return " ".join(f"{name}={value!r}" for name, value in line.items())


class _NameOnly(logging.Handler):
    """Reports that a library logged an error, without its text, which may quote a request."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "none"
        where = f"{record.filename}:{record.lineno}"
        log.error("server.error", extra={"logger": record.name, "exception": kind, "where": where})
