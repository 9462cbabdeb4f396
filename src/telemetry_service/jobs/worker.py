"""The background process: folds until its parent goes away or asks it to stop."""

import logging
import signal
import sys
import threading
import time

from telemetry_service.jobs.fold import BATCH_EVENTS, Fold
from telemetry_service.jobs.schedule import STOP_SECONDS, Schedule
from telemetry_service.store.database import StoreUnavailable

REST_SECONDS = 0.2
# While much arrives, it gathers for longer: folding 100 events at once takes twice the time for each of them that 4,000 take.
BUSY_REST_SECONDS, BUSY_PER_SECOND = 1.0, 2_000
RETRY_SECONDS = 2.0
GAUGE_SECONDS = 5.0  # how old the public figure of running installations may be

log = logging.getLogger(__name__)


def run(fold: Fold, schedule: Schedule) -> None:
    """Fold until standard input ends or a signal comes; finishes the step it is in. Jobs run beside it."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_await_parent, args=(stop,), daemon=True).start()
    jobs = threading.Thread(target=schedule.run, args=(stop,), name="jobs", daemon=True)
    jobs.start()
    _fold(fold, stop)
    jobs.join(STOP_SECONDS + 1)


def _fold(fold: Fold, stop: threading.Event) -> None:
    failing = False
    next_gauges = 0.0
    rest = REST_SECONDS
    while not stop.is_set():
        try:
            folded = fold.step()
            if time.monotonic() >= next_gauges:
                fold.refresh_gauges()
                next_gauges = time.monotonic() + GAUGE_SECONDS
            if failing:
                log.info("fold.resumed")
            failing = False
        except StoreUnavailable as error:
            if not failing:
                log.error("fold.waiting", extra={"reason": str(error)})
            failing = True
            stop.wait(RETRY_SECONDS)
            continue
        if folded < BATCH_EVENTS:
            rest = BUSY_REST_SECONDS if folded > BUSY_PER_SECOND * rest else REST_SECONDS
            stop.wait(rest)


def _await_parent(stop: threading.Event) -> None:
    sys.stdin.buffer.read()
    stop.set()
