"""The background process."""

import logging
import os
import sys
from functools import partial

from telemetry_service.bootstrap.assembly import now, open_store
from telemetry_service.bootstrap.due import alerts_due
from telemetry_service.jobs import schedule, worker
from telemetry_service.jobs.fold import Fold
from telemetry_service.jobs.priority import BESIDE_ANSWERING, give_way
from telemetry_service.logs import set_up_logging
from telemetry_service.settings import Settings, from_environ
from telemetry_service.store.database import StoreUnavailable, UnusableData
from telemetry_service.store.directory import identities
from telemetry_service.store.inbox import InboxReader
from telemetry_service.store.publication import last_success
from telemetry_service.store.runs import last_run
from telemetry_service.store.store import Store

log = logging.getLogger(__name__)


def run_worker() -> None:
    """The background process: settings and directory are those of the web process that started it."""
    settings = from_environ(os.environ)
    give_way(BESIDE_ANSWERING)
    set_up_logging(settings.log_dir, settings.log_retention_days)
    try:
        store = open_store(settings, identities(settings.data_dir))
        fold = Fold(InboxReader(settings.data_dir), store, now)
    except (StoreUnavailable, UnusableData) as error:
        log.error("worker.cannot_start", extra={"reason": str(error)})
        sys.exit(1)
    try:
        jobs = schedule.table(settings, partial(_last, settings, store), now(), partial(alerts_due, settings))
        worker.run(fold, schedule.Schedule(jobs))
    finally:
        store.close()


def _last(settings: Settings, store: Store, job: str) -> int | None:
    """When a job was last done."""
    if job == "publish":
        return last_success(settings.data_dir)
    run = last_run(store.connection, job, "done")
    return None if run is None else run.started_at
