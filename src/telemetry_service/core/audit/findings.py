"""What an audit found: a verdict and its evidence for each claim. Evidence never repeats a value that was found."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """Whether a claim holds; `UNCLEAR` means that it cannot be told from here."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    UNCLEAR = "cannot tell"


class Result(msgspec.Struct, frozen=True):
    """What a check says: kinds, tables, columns and counts, in words."""

    verdict: Verdict
    evidence: tuple[str, ...]


class Finding(msgspec.Struct, frozen=True):
    """What became of one claim; `section` is the part of the record that states it."""

    claim: str
    states: str
    section: str
    verdict: Verdict
    evidence: tuple[str, ...]


class Audit(msgspec.Struct, frozen=True):
    """One audit; instants are in microseconds since 1970 UTC."""

    started_at: int
    ended_at: int
    findings: tuple[Finding, ...]

    def count(self, verdict: Verdict) -> int:
        return sum(finding.verdict is verdict for finding in self.findings)

    @property
    def holds(self) -> bool:
        """Whether no claim fails; what cannot be told is no failure."""
        return not self.count(Verdict.FAIL)


def passed(*evidence: str) -> Result:
    return Result(Verdict.PASS, evidence)


def failed(*evidence: str) -> Result:
    return Result(Verdict.FAIL, evidence)


def unclear(*evidence: str) -> Result:
    return Result(Verdict.UNCLEAR, evidence)


def many(n: int, thing: str) -> str:
    """How many there are: 1 line, 2 lines."""
    return f"{n:,} {thing}" if n == 1 else f"{n:,} {thing}s"


def judged(faults: list[str], looked_at: str) -> Result:
    """A failure if there are faults, else a pass with what was looked at."""
    return failed(*faults) if faults else passed(looked_at)
