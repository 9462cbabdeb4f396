"""The audit: the evidence for each claim of the record, from the files of a service and from the service itself."""

import sqlite3
from collections.abc import Callable

import msgspec

from telemetry_service.core.audit import Audit, Claim, Finding, Result, claims, unclear
from telemetry_service.jobs.audit import files, service, structure, texts, times
from telemetry_service.jobs.audit.place import CannotLook, Mirrored, Place
from telemetry_service.store.database import StoreUnavailable

__all__ = ["CHECKS", "CannotLook", "Mirrored", "Place", "audit"]

# What proves each claim. A claim without a check, or a check without a claim, fails the tests.
CHECKS: dict[str, Callable[[Place], Result]] = {
    "columns": structure.columns,
    "values": structure.values,
    "limits": structure.limits,
    "ids": structure.ids,
    "mirror-columns": times.mirror_columns,
    "identifiers-store": texts.stored,
    "identifiers-inbox": texts.waiting,
    "identifiers-logs": files.log_lines,
    "identifiers-files": files.spelled,
    "requests": files.requests,
    "erased": texts.erased,
    "tokens": files.tokens,
    "files": files.modes,
    "tls": service.tls,
    "history": times.history,
    "age-store": times.store_age,
    "age-inbox": times.inbox_age,
    "age-mirror": times.mirror_age,
    "age-logs": files.log_ages,
    "age-backups": times.backup_ages,
    "ran-retention": times.retention_ran,
    "ran-erasure": times.erasures_done,
    "ran-vacuum": times.vacuum_ran,
    "ran-backup": times.backup_ran,
    "ran-cleanup": times.cleanup_ran,
    "published": service.published,
    "served": service.served,
}


def audit(place: Place, now: Callable[[], int]) -> Audit:
    """Prove every claim that the record makes; nothing is changed. Memory does not grow with the store.

    What cannot be read is no proof in either direction, and said.
    """
    started_at = now()
    findings = tuple(_finding(claim, place) for claim in claims(place.state))
    return Audit(started_at, now(), findings)


def _finding(claim: Claim, place: Place) -> Finding:
    try:
        result = CHECKS[claim.name](place)
    except (sqlite3.Error, OSError, StoreUnavailable, msgspec.MsgspecError) as error:
        result = unclear(f"it could not be looked at ({type(error).__name__})")
    return Finding(claim.name, claim.states, claim.section, result.verdict, result.evidence)
