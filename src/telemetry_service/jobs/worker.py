"""The background process: folds until its parent goes away or asks it to stop."""

import signal
import sys
import threading

import structlog

from telemetry_service.jobs.fold import Fold
from telemetry_service.store.database import StoreUnavailable

IDLE_SECONDS = 0.2
RETRY_SECONDS = 2.0
GAUGE_SECONDS = 60.0

log = structlog.get_logger()


def run(fold: Fold) -> None:
    """Fold until standard input ends or a signal comes; finishes the step it is in."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_await_parent, args=(stop,), daemon=True).start()
    failing = False
    while not stop.is_set():
        try:
            folded = fold.step()
            if failing:
                log.info("fold.resumed")
            failing = False
        except StoreUnavailable as error:
            if not failing:
                log.error("fold.waiting", reason=str(error))
            failing = True
            stop.wait(RETRY_SECONDS)
            continue
        if not folded:
            stop.wait(IDLE_SECONDS)


def _await_parent(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()
