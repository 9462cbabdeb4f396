"""How well distil and fingerprint do on a corpus: `privacy_report_distil.py corpus.jsonl [--verbose]`.

Lines of the corpus: `{"error": text, "best": root-cause text, "group": id of the cause}`.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from pathlib import Path

from telemetry_service.core.distil import distil, window
from telemetry_service.core.distil.header import split_header
from telemetry_service.core.fingerprint import fingerprint

LIMIT = 120
ENOUGH = 0.8  # share of the words of `best` that must be found; the rest is what differs by path or is cut


def words(text: str) -> list[str]:
    """Words without the punctuation around them."""
    return [word for raw in text.split() if (word := raw.strip("'\"`‘’“”.,;:()[]{}"))]


def found(best: str, kept: str) -> bool:
    """Whether `kept` holds `best`, or nearly all words of it."""
    if " ".join(best.split()) in " ".join(kept.split()):
        return True
    wanted, rest = words(best), Counter(words(kept))
    return bool(wanted) and (Counter(wanted) & rest).total() / len(wanted) >= ENOUGH


def report(path: Path, verbose: bool) -> None:
    """Print the share of root causes kept and of groups that are exact."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    begin = time.perf_counter()
    lines = [distil(row["error"]) for row in rows]
    seconds = time.perf_counter() - begin
    prints = [
        fingerprint("app", split_header(row["error"])[0].exit_code, None, line) for row, line in zip(rows, lines, strict=True)
    ]
    missed = [
        (row, window(line, LIMIT)) for row, line in zip(rows, lines, strict=True) if not found(row["best"], window(line, LIMIT))
    ]
    by_group, by_print = defaultdict(set), defaultdict(set)
    for row, number in zip(rows, prints, strict=True):
        by_group[row["group"]].add(number)
        by_print[number].add(row["group"])
    split = {group for group, numbers in by_group.items() if len(numbers) > 1}
    merged = {group for groups in by_print.values() if len(groups) > 1 for group in groups}
    exact = 1 - len(split | merged) / len(by_group)
    kib = sum(len(row["error"].encode()) for row in rows) / 1024
    print(f"{path.name}: {len(rows)} traces, root cause in {LIMIT} characters {1 - len(missed) / len(rows):.3f}")
    print(f"{path.name}: {len(by_group)} groups, exact {exact:.3f} (split {len(split)}, merged {len(merged)})")
    print(f"{path.name}: distil {seconds / kib * 1e6:.0f} microseconds per KiB")
    if verbose:
        show(missed, split, merged, rows, lines)


def show(missed: list, split: set, merged: set, rows: list, lines: list) -> None:
    """Print what failed, one example for each group."""
    shown = set()
    for row, kept in missed:
        if row["group"] not in shown:
            shown.add(row["group"])
            print(f"missed {row['group']}\n  want {row['best']}\n  kept {kept}")
    for name, groups in (("split", split), ("merged", merged)):
        for group in sorted(groups, key=str):
            print(
                name,
                group,
                *sorted({line for row, line in zip(rows, lines, strict=True) if row["group"] == group})[:3],
                sep="\n  ",
            )


def main() -> None:
    """Read the arguments and print the report of each corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    for path in options.corpus:
        report(path, options.verbose)


if __name__ == "__main__":
    main()
