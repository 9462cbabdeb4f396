"""What scrub and gate remove of a corpus of lines, and what they leave.

Lines of the corpus: `{"text", "secrets": [{"class", "value"}], "keep": [part that must survive]}`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.privacy import values
from scripts.privacy.figures import Figure
from telemetry_service.core.scrub import Scrubber

_PLACEHOLDER = re.compile(r"<[a-z][a-z0-9]{0,11}>")
_PIECE = re.compile(r"[^\W_]{4,}")
STRUCTURAL = frozenset({"ipv4", "ipv6", "mac", "email", "uuid", "jwt", "basic_auth", "token", "private_key", "host_key"})
NAMES = frozenset({"hostname", "fqdn", "username"})


class Case(NamedTuple):
    """A line, the identifiers in it as (class, value), and the parts that must survive."""

    text: str
    secrets: tuple[tuple[str, str], ...]
    keep: tuple[str, ...]


class Outcome(NamedTuple):
    """What became of a case: per stage (rules, gate) the secrets that left a piece, and the parts that were lost."""

    case: Case
    ruled: str
    gated: str
    leaks: tuple[tuple[str, ...], tuple[str, ...]]
    lost: tuple[tuple[str, ...], tuple[str, ...]]

    def explained(self) -> str:
        """What went wrong, with the texts; empty if nothing did."""
        faults = [f"{stage} leaves a piece of {kind}" for stage, kinds in zip(STAGES, self.leaks, strict=True) for kind in kinds]
        faults += [f"{stage} loses {part!r}" for stage, parts in zip(STAGES, self.lost, strict=True) for part in parts]
        if not self.case.secrets and self.ruled != self.case.text:
            faults.append("rules change a clean line")
        if not faults:
            return ""
        return f"{self.case.text!r}\n  rules: {self.ruled!r}\n  gate:  {self.gated!r}\n  " + "; ".join(faults)


STAGES = ("rules", "gate")


def read_cases(path: Path) -> list[Case]:
    """Raises KeyError when a row is of another kind."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [Case(row["text"], tuple((s["class"], s["value"]) for s in row["secrets"]), tuple(row["keep"])) for row in rows]


def leak(value: str, output: str, rest: str) -> str | None:
    """The longest piece of `value` left in `output` that the rest of the line does not hold; None if it is fully removed."""
    shown = _PLACEHOLDER.sub("\0", output)
    if len(value) < 4:
        return value if re.search(rf"(?<!\w){re.escape(value)}(?!\w)", shown) else None
    if value in shown:
        return value
    folded, context = shown.lower(), rest.lower()
    pieces = [piece for piece in _PIECE.findall(value) if piece.lower() in folded and piece.lower() not in context]
    return max(pieces, key=len, default=None)


def rest_of(case: Case) -> str:
    """The line without its secrets."""
    rest = case.text
    for _, value in case.secrets:
        rest = rest.replace(value, "\0")
    return rest


def outcome_of(case: Case, scrubber: Scrubber) -> Outcome:
    ruled = scrubber.scrub(case.text).text
    gated = scrubber.gate(ruled)
    rest = rest_of(case)

    def leaks(output: str) -> tuple[str, ...]:
        return tuple(kind for kind, value in case.secrets if leak(value, output, rest) is not None)

    def lost(output: str) -> tuple[str, ...]:
        return tuple(part for part in case.keep if part not in output)

    return Outcome(case, ruled, gated, (leaks(ruled), leaks(gated)), (lost(ruled), lost(gated)))


def overall(outcomes: list[Outcome]) -> Iterator[Figure]:
    """The goals for a corpus."""
    secrets = sum(len(outcome.case.secrets) for outcome in outcomes)
    parts = sum(len(outcome.case.keep) for outcome in outcomes)
    holding = [outcome for outcome in outcomes if outcome.case.secrets]
    clean = [outcome for outcome in outcomes if not outcome.case.secrets]
    removed = [secrets - sum(len(outcome.leaks[stage]) for outcome in outcomes) for stage in (0, 1)]
    kept = [parts - sum(len(outcome.lost[stage]) for outcome in outcomes) for stage in (0, 1)]
    yield Figure("identifiers fully removed, rules alone", removed[0], secrets, 0.95)
    yield Figure("identifiers fully removed, after the gate", removed[1], secrets, 0.985)
    yield Figure("lines that held secrets, clean after the gate", sum(not o.leaks[1] for o in holding), len(holding), 0.97)
    yield Figure("parts that must stay, after the rules", kept[0], parts, 0.97)
    yield Figure("parts that must stay, after the gate", kept[1], parts, 0.90)
    yield Figure("clean lines untouched by the rules", sum(o.ruled == o.case.text for o in clean), len(clean), 0.95)


def per_class(outcomes: Iterable[Outcome]) -> Iterator[Figure]:
    """For each class of identifiers what the rules alone remove."""
    total: Counter[str] = Counter()
    left: Counter[str] = Counter()
    for outcome in outcomes:
        total.update(kind for kind, _ in outcome.case.secrets)
        left.update(outcome.leaks[0])
    for kind in sorted(total):
        goal = 1.0 if kind in STRUCTURAL else 0.93 if kind in NAMES else 0.90
        yield Figure(f"{kind}, rules alone", total[kind] - left[kind], total[kind], goal)


def generated(scrubber: Scrubber, count: int) -> Iterator[tuple[Figure, list[str]]]:
    """Per structural class: generated values that the rules alone remove from generated lines, and the lines that leak."""
    for name in values.CLASSES:
        leaking = []
        for value, line in values.lines(name, count):
            output = scrubber.scrub(line).text
            if leak(value, output, line.replace(value, "\0")) is not None:
                leaking.append(f"{line!r} -> {output!r}")
        yield Figure(f"generated {name}, rules alone", count - len(leaking), count, 1.0), leaking
