"""How well the privacy core works: the figures of the goals, on a corpus of lines and on generated values.

`python scripts/privacy_report.py corpora/scrub_dev.jsonl [--verbose] [--generated 10000]`
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent))

import privacy_values

from telemetry_service.core.scrub import Scrubber

_PLACEHOLDER = re.compile(r"<[a-z][a-z0-9]{0,11}>")
_PIECE = re.compile(r"[^\W_]{4,}")
STRUCTURAL = frozenset({"ipv4", "ipv6", "mac", "email", "uuid", "jwt", "basic_auth", "token", "private_key", "host_key"})


class Case(NamedTuple):
    """A line, the identifiers in it as (class, value), and the parts that must survive."""

    text: str
    secrets: tuple[tuple[str, str], ...]
    keep: tuple[str, ...]


class Figure(NamedTuple):
    name: str
    good: int
    total: int
    goal: float

    @property
    def share(self) -> float:
        return self.good / self.total if self.total else 1.0

    def __str__(self) -> str:
        mark = "ok  " if self.share >= self.goal else "MISS"
        return f"{mark} {self.name:<52} {self.share:6.3f}  ({self.good}/{self.total}, goal {self.goal:.3f})"


def read_cases(path: Path) -> list[Case]:
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
    rest = case.text
    for _, value in case.secrets:
        rest = rest.replace(value, "\0")
    return rest


def scrub_figures(cases: Iterable[Case], scrubber: Scrubber, verbose: bool = False) -> list[Figure]:
    """The goals' figures for scrub and gate, overall, then one per class (rules, then gate)."""
    removed: Counter[tuple[str, str]] = Counter()
    total: Counter[str] = Counter()
    keep = Counter[str]()
    lines = Counter[str]()
    for case in cases:
        ruled = scrubber.scrub(case.text).text
        gated = scrubber.gate(ruled)
        rest = rest_of(case)
        failures = []
        for kind, value in case.secrets:
            total[kind] += 1
            for stage, output in (("rules", ruled), ("gate", gated)):
                piece = leak(value, output, rest)
                removed[kind, stage] += piece is None
                if piece is not None:
                    failures.append(f"{stage} leaves {kind} {piece!r}")
        for stage, output in (("rules", ruled), ("gate", gated)):
            lost = [part for part in case.keep if part not in output]
            keep[stage] += len(case.keep) - len(lost)
            failures += [f"{stage} loses {part!r}" for part in lost]
        keep["total"] += len(case.keep)
        if case.secrets:
            lines["secret"] += 1
            lines["secret clean"] += not any(failure.startswith("gate leaves") for failure in failures)
        else:
            lines["clean"] += 1
            lines["clean untouched"] += ruled == case.text
        if verbose and failures:
            print(f"- {case.text!r}\n  rules: {ruled!r}\n  gate:  {gated!r}\n  " + "; ".join(failures))
    return overall(removed, total, keep, lines) + per_class(removed, total)


def overall(removed: Counter[tuple[str, str]], total: Counter[str], keep: Counter[str], lines: Counter[str]) -> list[Figure]:
    everything = sum(total.values())
    return [
        Figure(
            "identifiers fully removed, rules alone",
            sum(n for (_, stage), n in removed.items() if stage == "rules"),
            everything,
            0.95,
        ),
        Figure(
            "identifiers fully removed, after the gate",
            sum(n for (_, stage), n in removed.items() if stage == "gate"),
            everything,
            0.985,
        ),
        Figure("lines that held secrets, clean after the gate", lines["secret clean"], lines["secret"], 0.97),
        Figure("parts that must stay, after rules", keep["rules"], keep["total"], 0.97),
        Figure("parts that must stay, after the gate", keep["gate"], keep["total"], 0.90),
        Figure("clean lines untouched by the rules", lines["clean untouched"], lines["clean"], 0.95),
    ]


def per_class(removed: Counter[tuple[str, str]], total: Counter[str]) -> list[Figure]:
    figures = []
    for kind in sorted(total):
        goal = 1.0 if kind in STRUCTURAL else 0.93 if kind in {"hostname", "fqdn", "username"} else 0.90
        figures.append(Figure(f"  {kind}, rules", removed[kind, "rules"], total[kind], goal))
        figures.append(Figure(f"  {kind}, gate", removed[kind, "gate"], total[kind], goal))
    return figures


def generated_figures(scrubber: Scrubber, count: int, verbose: bool = False) -> list[Figure]:
    """Per structural class: generated values that the rules alone remove from generated lines."""
    figures = []
    for name in privacy_values.CLASSES:
        good = 0
        for value, line in privacy_values.lines(name, count):
            output = scrubber.scrub(line).text
            fully = leak(value, output, line.replace(value, "\0")) is None
            good += fully
            if verbose and not fully:
                print(f"- {name}: {line!r} -> {output!r}")
        figures.append(Figure(f"  generated {name}", good, count, 1.0))
    return figures


def speed_figures(cases: list[Case], scrubber: Scrubber) -> list[str]:
    """Microseconds per KiB of the joined lines, and milliseconds for 128 KiB of them."""
    text = "\n".join(case.text for case in cases)
    long = (text * (131072 // max(1, len(text)) + 1))[:131072]
    results = []
    for name, subject in (("joined lines", text), ("128 KiB", long)):
        best = min(_seconds(scrubber, subject) for _ in range(3))
        results.append(f"     speed, {name:<45} {best / len(subject) * 1024e6:6.0f} us/KiB, {best * 1e3:.1f} ms")
    return results


def _seconds(scrubber: Scrubber, text: str) -> float:
    started = time.perf_counter()
    scrubber.scrub(text)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--verbose", action="store_true", help="print every line that misses a goal")
    parser.add_argument("--generated", type=int, default=10_000, help="values per structural class")
    options = parser.parse_args()
    scrubber = Scrubber()
    cases = read_cases(options.corpus)
    for figure in scrub_figures(cases, scrubber, options.verbose):
        print(figure)
    for figure in generated_figures(scrubber, options.generated, options.verbose):
        print(figure)
    print(*speed_figures(cases, scrubber), sep="\n")


if __name__ == "__main__":
    main()
