"""The audit: what the record claims that a machine can prove, and what became of each claim."""

from telemetry_service.core.audit.claims import Claim, claims
from telemetry_service.core.audit.findings import Audit, Finding, Result, Verdict, failed, passed, unclear

__all__ = ["Audit", "Claim", "Finding", "Result", "Verdict", "claims", "failed", "passed", "unclear"]
