"""What the web process does now and then beside answering."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from telemetry_service.store import tokens
from telemetry_service.store.database import StoreUnavailable
from telemetry_service.web.auth import Access
from telemetry_service.web.tls import Certificate, UnusableCertificate

UPKEEP_SECONDS = 30.0

log = structlog.get_logger()


async def upkeep(access: Access, directory: Path, tidy_logs: Callable[[], None], certificate: Certificate | None) -> None:
    """Write down which tokens were used today, delete old log files, take a renewed certificate; until cancelled."""
    while True:
        await asyncio.sleep(UPKEEP_SECONDS)
        await note_used(access, directory)
        await asyncio.to_thread(tidy_logs)
        try:
            if certificate is not None and certificate.renew():
                log.info("certificate.renewed")
        except UnusableCertificate as error:
            log.error("certificate.unusable", reason=str(error))


async def note_used(access: Access, directory: Path) -> None:
    """Write the days of use that are new; what cannot be written now is kept for the next time."""
    used = access.used()
    if not used:
        return
    try:
        await asyncio.to_thread(tokens.note_used, directory, used)
    except StoreUnavailable:
        access.still_used(used)
