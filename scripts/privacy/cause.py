"""How often the line that is kept tells the cause, and whether equal causes have equal fingerprints.

Lines of the corpus: `{"error": text, "best": root-cause line, "group": id of the cause}`.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.privacy.figures import Figure
from telemetry_service.core.classify import category_of
from telemetry_service.core.clean import clean_error
from telemetry_service.core.distil import distil, window
from telemetry_service.core.distil.header import split_header
from telemetry_service.core.exit_codes import meaning
from telemetry_service.core.fingerprint import fingerprint
from telemetry_service.core.scrub import Scrubber

LIMIT = 120
ENOUGH = 0.8  # share of the words of `best` that must be found; the rest is what differs by path or is cut


class Trace(NamedTuple):
    """An error, its root cause, and what became of it: the line before it is cleaned, what is stored, its fingerprint."""

    best: str
    group: str
    line: str
    stored: str
    fingerprint: int

    @property
    def is_found(self) -> bool:
        return found(self.best, window(self.line, LIMIT))


def words(text: str) -> list[str]:
    """Words without the punctuation around them."""
    return [word for raw in text.split() if (word := raw.strip("'\"`‘’“”.,;:()[]{}"))]


def found(best: str, kept: str) -> bool:
    """Whether `kept` holds `best`, or nearly all words of it."""
    if " ".join(best.split()) in " ".join(kept.split()):
        return True
    wanted, rest = words(best), Counter(words(kept))
    return bool(wanted) and (Counter(wanted) & rest).total() / len(wanted) >= ENOUGH


def read_traces(path: Path, scrubber: Scrubber) -> list[Trace]:
    """Raises KeyError when a row is of another kind."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [_trace(row["error"], row["best"], str(row["group"]), scrubber) for row in rows]


def _trace(error: str, best: str, group: str, scrubber: Scrubber) -> Trace:
    exit_code = split_header(error)[0].exit_code
    cleaned = clean_error(error, meaning(exit_code), scrubber, LIMIT)
    number = fingerprint("app", exit_code, category_of(exit_code, cleaned.line), cleaned.line)
    return Trace(best, group, distil(error), cleaned.text, number)


def mixed(traces: list[Trace]) -> tuple[set[str], set[str]]:
    """(groups with several fingerprints, groups that share one)."""
    by_group, by_print = defaultdict(set), defaultdict(set)
    for trace in traces:
        by_group[trace.group].add(trace.fingerprint)
        by_print[trace.fingerprint].add(trace.group)
    split = {group for group, numbers in by_group.items() if len(numbers) > 1}
    return split, {group for groups in by_print.values() if len(groups) > 1 for group in groups}


def figures(traces: list[Trace]) -> Iterator[Figure]:
    """The goals for a corpus."""
    groups = {trace.group for trace in traces}
    split, merged = mixed(traces)
    yield Figure(f"root cause within {LIMIT} characters", sum(trace.is_found for trace in traces), len(traces), 0.90)
    yield Figure("groups of a cause that are exact", len(groups - split - merged), len(groups), 1.0)


def explained(traces: list[Trace]) -> Iterator[str]:
    """One example of each group that missed a goal."""
    shown = {trace.group: trace for trace in traces if not trace.is_found}
    for trace in shown.values():
        yield f"missed {trace.group}\n  want {trace.best}\n  kept {window(trace.line, LIMIT)}"
    for name, faulty in zip(("split", "merged"), mixed(traces), strict=True):
        for group in sorted(faulty):
            stored = sorted({trace.stored for trace in traces if trace.group == group})
            yield "\n  ".join([f"{name} {group}", *stored[:4]])
