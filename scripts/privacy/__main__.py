"""The figures of the privacy core's goals, on corpora and on generated values, and its speeds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from bench import cleaning
from bench.table import Line, show

from scripts.privacy import cause, removal
from telemetry_service.core.scrub import Scrubber

ROOT = Path(__file__).parents[2]
DIRECTORIES = (ROOT.parent / "shared" / "corpora", ROOT / "tests" / "corpora")


def main() -> int:
    """0 when every goal is met, else 1."""
    parser = argparse.ArgumentParser(prog="python -m scripts.privacy", description=__doc__)
    parser.add_argument(
        "corpora", nargs="*", type=Path, metavar="CORPUS.jsonl", help="default: those beside the repository or in it"
    )
    parser.add_argument("--values", type=int, default=10_000, metavar="N", help="generated values per structural class (10000)")
    parser.add_argument("--verbose", action="store_true", help="also print every text that misses a goal; it quotes the corpus")
    options = parser.parse_args()
    scrubber = Scrubber()
    met = [_corpus(path, scrubber, options.verbose) for path in options.corpora or _corpora()]
    met.append(show("generated", "Do generated values leak?", _generated(scrubber, options.values, options.verbose)))
    met.append(show("speed", cleaning.QUESTION, cleaning.run(0, 5)))
    return 0 if all(met) else 1


def _corpora() -> list[Path]:
    directory = next((directory for directory in DIRECTORIES if directory.is_dir()), None)
    return sorted(directory.glob("*.jsonl")) if directory else []


def _corpus(path: Path, scrubber: Scrubber, verbose: bool) -> bool:
    try:
        outcomes = [removal.outcome_of(case, scrubber) for case in removal.read_cases(path)]
    except KeyError:
        traces = cause.read_traces(path, scrubber)
        met = show(path.name, "Is the cause kept, and are causes told apart?", (f.line() for f in cause.figures(traces)))
        texts = list(cause.explained(traces))
    else:
        figures = (*removal.overall(outcomes), *removal.per_class(outcomes))
        met = show(path.name, "What do rules and gate remove and leave?", (figure.line() for figure in figures))
        texts = [text for outcome in outcomes if (text := outcome.explained())]
    if verbose:
        print(*texts, sep="\n")
    return met


def _generated(scrubber: Scrubber, count: int, verbose: bool) -> Iterator[Line]:
    for figure, leaking in removal.generated(scrubber, count):
        if verbose and leaking:
            print(*leaking[:20], sep="\n")
        yield figure.line()


if __name__ == "__main__":
    sys.exit(main())
