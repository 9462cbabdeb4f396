"""`python -m bench [NAME...]`: run benches and print what they measured."""

import argparse
import importlib
import sys

from bench.table import show

NAMES = (
    *("stages", "cleaning", "ingest", "fold", "memory", "size", "reads", "pages", "audit", "retention", "under_attack", "client"),
    *("importing", "mirror"),
)


def main() -> int:
    """0 when every goal is met, else 1."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}; default: all")
    parser.add_argument("--seconds", type=float, default=6.0, help="of one load; the fold takes 10 times this (300 s: 30)")
    parser.add_argument("--rounds", type=int, default=5, help="alternations of what is compared")
    parser.add_argument(
        "--installations", type=int, help="how many retention deletes (1,000,000), and rows that importing imports (100,000)"
    )
    options = parser.parse_args()
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    sized = {} if options.installations is None else dict.fromkeys(("retention", "importing"), options.installations)
    met = [_run(name, options.seconds, options.rounds, sized.get(name)) for name in options.names or NAMES]
    return 0 if all(met) else 1


def _run(name: str, seconds: float, rounds: int, size: int | None) -> bool:
    module = importlib.import_module(f"bench.{name}")
    assert module.__doc__ is not None
    return show(name, module.__doc__.partition("\n")[0], module.run(seconds, rounds, *(() if size is None else (size,))))


if __name__ == "__main__":
    sys.exit(main())
