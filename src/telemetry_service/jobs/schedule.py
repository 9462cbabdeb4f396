"""What the background process does beside folding, and how often: one table, worked off by one thread."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from telemetry_service.jobs.priority import BESIDE_FOLDING, give_way
from telemetry_service.settings import Settings

STOP_SECONDS = 2.0
CHECK_SECONDS = 0.1
DAY_SECONDS = 86_400.0
LOOK_SECONDS = 30.0  # between two looks whether something is due
SETTLE_SECONDS = 30.0  # what a start leaves to those who wait for answers
AGAIN_SECONDS = 3600.0
OWN_WORDS = "telemetry-service: "  # how a command of ours begins what it says of an error

log = logging.getLogger(__name__)


class JobFailed(Exception):
    """A job could not be done; the text says why and holds no secret."""


class Job(NamedTuple):
    """Something to do every `period_seconds`, for the first time in `first_in_seconds`.

    `run` comes back soon when its event is set, and raises `JobFailed` for what an operator should know; False says that there
    was nothing to do. What failed is done again after `again_in_seconds`, or after the period where that is sooner.
    """

    name: str
    period_seconds: float
    first_in_seconds: float
    run: Callable[[threading.Event], bool | None]
    again_in_seconds: float = AGAIN_SECONDS


def _always() -> bool:
    return True


def table(
    settings: Settings, last: Callable[[str], int | None], now: int, alerts_due: Callable[[], bool] = _always
) -> tuple[Job, ...]:
    """The jobs. `last` is when one was last done, in microseconds since 1970, or None for never; `now` likewise.

    `alerts_due` tells whether there is anything to tell or to look for.

    A job is a command, in a process of its own: it may take seconds of computing, and gives its memory back.
    """
    cleanup_seconds = settings.cleanup_interval_min * 60.0 * settings.cleanup_enabled
    jobs = (
        _every("publish", settings.publish_interval_min * 60.0, last, now, "publish", "--push"),
        _every("watch", settings.alert_check_interval_min * 60.0, last, now, "watch", first_in=SETTLE_SECONDS),
        _when("alerts", alerts_due, "alerts"),
        _every("cleanup", cleanup_seconds, last, now, "cleanup", first_in=SETTLE_SECONDS),
        # Soon after the day that became too old has ended.
        _daily("retention", 0, 5, last, now, "retention"),
        _daily("vacuum", 1, 10, last, now, "vacuum", "--if-due"),
        *([_daily("backup", 2, 20, last, now, "backup")] if settings.backup_daily else []),
        # After those whose results it looks at. One that fails is not made again within the day: what it found stays.
        _daily("audit", 3, 0, last, now, "audit")._replace(again_in_seconds=DAY_SECONDS),
    )
    return tuple(job for job in jobs if job.period_seconds)


def _every(name: str, seconds: float, last: Callable[[str], int | None], now: int, *command: str, first_in: float = 0.0) -> Job:
    """A command every so many seconds, 0 for never; after a restart it goes on where it stopped."""
    since = (now - (last(name) or 0)) / 1_000_000
    return Job(name, seconds, min(max(first_in, seconds - since), max(first_in, seconds)), partial(_run_command, command))


def _when(name: str, due: Callable[[], bool], *command: str) -> Job:
    """A command when something is due, which is cheap to find out and asked every so often."""

    def run(stop: threading.Event) -> bool:
        return due() and _run_command(command, stop)

    return Job(name, LOOK_SECONDS, SETTLE_SECONDS, run)


def _daily(name: str, hour: int, minute: int, last: Callable[[str], int | None], now: int, *command: str) -> Job:
    """A command every day at a time (UTC), and soon after a start that comes after it was missed."""
    seconds, at = now / 1_000_000, hour * 3600 + minute * 60
    missed = seconds - (seconds - at) % DAY_SECONDS  # the last time it was due
    first_in = missed + DAY_SECONDS - seconds if (last(name) or 0) / 1_000_000 >= missed else SETTLE_SECONDS
    return Job(name, DAY_SECONDS, first_in, partial(_run_command, command))


def _run_command(arguments: tuple[str, ...], stop: threading.Event) -> bool:
    command = (sys.executable, "-m", "telemetry_service", *arguments)
    with subprocess.Popen(  # noqa: S603 - this program itself
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, process_group=0
    ) as process:
        give_way(BESIDE_FOLDING, process.pid)
        said: list[str] = []
        listener = threading.Thread(target=_listen, args=(process, said), daemon=True)
        listener.start()
        while process.poll() is None:
            if stop.wait(CHECK_SECONDS):
                _end(process)
                return False
        listener.join(STOP_SECONDS)
    if process.returncode:
        raise JobFailed(said[-1] if said else f"ended with status {process.returncode}")
    return True


def _listen(process: "subprocess.Popen[bytes]", said: list[str]) -> None:
    """Collect what a command says went wrong; all else it says, its own log, goes where ours goes."""
    for line in process.stderr or ():
        text = line.decode("utf-8", "replace").rstrip("\n")
        if text.startswith(OWN_WORDS):
            said.append(text.removeprefix(OWN_WORDS))
        else:
            sys.stderr.write(f"{text}\n")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process and what it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


class Schedule:
    """Does jobs one after the other when they are due."""

    def __init__(self, jobs: tuple[Job, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = {job: clock() + job.first_in_seconds for job in jobs}

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. What fails is logged, and tried again when it is due again."""
        while self._due and not stop.is_set():
            for job in self.due():
                try:
                    if job.run(stop) is not False:
                        log.info("job.done", extra={"job": job.name})
                except JobFailed as error:
                    again_in = min(job.period_seconds, job.again_in_seconds)
                    self._due[job] = min(self._due[job], self._clock() + again_in)
                    log.error("job.failed", extra={"job": job.name, "reason": str(error), "again_in_seconds": again_in})
            stop.wait(max(0.0, min(self._due.values()) - self._clock()))

    def due(self) -> list[Job]:
        """The jobs whose time has come; each is due again a period later."""
        now = self._clock()
        found = [job for job, at in self._due.items() if at <= now]
        for job in found:
            self._due[job] = now + job.period_seconds
        return found
