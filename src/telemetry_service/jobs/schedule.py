"""What the background process does beside folding, and how often: one table, worked off by one thread."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import structlog

from telemetry_service.settings import Settings

STOP_SECONDS = 2.0
CHECK_SECONDS = 0.1
NICENESS = 10  # folding goes first
OWN_WORDS = "telemetry-service: "  # how a command of ours begins what it says of an error

log = structlog.get_logger()


class JobFailed(Exception):
    """A job could not be done; the text says why and holds no secret."""


class Job(NamedTuple):
    """Something to do every `period_seconds`, for the first time in `first_in_seconds`.

    `run` comes back soon when its event is set, and raises `JobFailed` for what an operator should know.
    """

    name: str
    period_seconds: float
    first_in_seconds: float
    run: Callable[[threading.Event], None]


def table(settings: Settings, published_at: int | None, now: int) -> tuple[Job, ...]:
    """The jobs; instants are in microseconds since 1970."""
    publish_seconds = settings.publish_interval_min * 60.0
    since_published = (now - (published_at or 0)) / 1_000_000
    jobs = (Job("publish", publish_seconds, min(max(0.0, publish_seconds - since_published), publish_seconds), publish),)
    return tuple(job for job in jobs if job.period_seconds)


def publish(stop: threading.Event) -> None:
    """Publish in a process of its own: it takes seconds of computing, and gives its memory back."""
    _run_command(("publish", "--push"), stop)


def _run_command(arguments: tuple[str, ...], stop: threading.Event) -> None:
    command = (sys.executable, "-m", "telemetry_service", *arguments)
    with subprocess.Popen(  # noqa: S603 - this program itself
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, process_group=0
    ) as process:
        with suppress(ProcessLookupError, PermissionError):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
        said: list[str] = []
        listener = threading.Thread(target=_listen, args=(process, said), daemon=True)
        listener.start()
        while process.poll() is None:
            if stop.wait(CHECK_SECONDS):
                _end(process)
                return
        listener.join(STOP_SECONDS)
    if process.returncode:
        raise JobFailed(said[-1] if said else f"ended with status {process.returncode}")


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
                    job.run(stop)
                    log.info("job.done", job=job.name)
                except JobFailed as error:
                    log.error("job.failed", job=job.name, reason=str(error), again_in_seconds=job.period_seconds)
            stop.wait(max(0.0, min(self._due.values()) - self._clock()))

    def due(self) -> list[Job]:
        """The jobs whose time has come; each is due again a period later."""
        now = self._clock()
        found = [job for job, at in self._due.items() if at <= now]
        for job in found:
            self._due[job] = now + job.period_seconds
        return found
