"""What the web process does now and then beside answering.

Each step is the top of its work: an error that nobody thought of is logged by its kind alone, and the next step is taken."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from telemetry_service.store import tokens
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.web.auth import Access
from telemetry_service.web.tls import Certificate, UnusableCertificate

UPKEEP_SECONDS = 30.0

log = logging.getLogger(__name__)


async def upkeep(access: Access, directory: Path, tidy_logs: Callable[[], None], certificate: Certificate | None) -> None:
    """Write down which tokens were used today, delete old log files, take a renewed certificate; until cancelled."""

    async def step() -> None:
        await note_used(access, directory)
        await asyncio.to_thread(tidy_logs)
        try:
            if certificate is not None and certificate.renew():
                log.info("certificate.renewed")
        except UnusableCertificate as error:
            log.error("certificate.unusable", extra={"reason": str(error)})

    await again_and_again(UPKEEP_SECONDS, step)


async def again_and_again(seconds: float, step: Callable[[], Awaitable[object]]) -> None:
    """Take a step every so many seconds, whatever became of the one before; until cancelled."""
    failing = False
    while True:
        await asyncio.sleep(seconds)
        try:
            await step()
            failing = False
        except Exception as error:  # noqa: BLE001 - see above
            if not failing:
                log.error("upkeep.error", extra={"step": step.__qualname__, "exception": type(error).__name__})
            failing = True


async def note_used(access: Access, directory: Path) -> None:
    """Write the days of use that are new; what cannot be written now is kept for the next time."""
    used = access.used()
    if not used:
        return
    try:
        await asyncio.to_thread(tokens.note_used, directory, used)
    except StoreUnavailable:
        access.still_used(used)
