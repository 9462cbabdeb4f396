"""`python -m bench.insight`: measure the watch against its goals and print one table; ends with status 1 when one is missed."""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from statistics import mean, stdev
from typing import NamedTuple

from bench.insight import breaks, global_rule, years
from bench.insight.breaks import LATER, THE_CAUSE, USUAL, Run, Scenario
from bench.insight.oracle import divergence, run_length, threshold_for
from bench.insight.passes import pass_seconds
from bench.insight.world import FINISHED_A_DAY
from bench.table import Line, show
from telemetry_service.core.alerting.explain import Explanation

SPACING = 30 * FINISHED_A_DAY  # finished installations of all scripts between two false alarms
BROKEN = 0.4
Z_95 = 1.96
SEED = 1  # thresholds were chosen on seeds from 900 on
BREAK_SEEDS, BROKEN_SEED = 50_000, 500
BREAKS_A_YEAR = 30
WRONGLY_NAMED = 0.05
ENOUGH = {0.31: 80, 0.4: 50, 1.0: 15}  # finished installations while it was broken, that can show it


class Limits(NamedTuple):
    """How much is simulated."""

    years: int
    runs: int


def main() -> int:
    """0 when every goal is met, else 1."""
    parser = argparse.ArgumentParser(prog="python -m bench.insight", description=__doc__)
    parser.add_argument("--years", type=int, default=50, help="without a break, in multiples of 5")
    parser.add_argument("--runs", type=int, default=400, help="breaks of each kind")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.processes) as pool:
        lines = measure(pool, Limits(options.years, options.runs))
        question = "Does the watch say which script broke, soon, and nothing else?"
        return 0 if show("insight", question, lines) else 1


def measure(pool: Executor, limits: Limits) -> Iterator[Line]:
    yield from _passes()
    yield from _delays(pool, limits.runs)
    yield from _explanations(pool, limits.runs)
    yield from _fixes(pool, limits.runs)
    yield from _global_rule(limits.runs)
    yield from _broken_years(pool, limits.years)
    yield from _false_alarms(pool, limits.years)


def _passes() -> Iterator[Line]:
    seconds = pass_seconds()
    yield Line(
        "a pass over 1,000 scripts: processor time, least of 5; worst elapsed",
        f"{seconds.processor:.2f} s; {seconds.elapsed:.2f} s",
        "< 1 s",
        seconds.processor < 1,
    )


def _false_alarms(pool: Executor, wanted: int) -> Iterator[Line]:
    chunks = max(1, round(wanted / years.YEARS_AT_ONCE))
    done = list(pool.map(years.simulate, range(SEED, SEED + chunks)))
    counts = [len(year) * 30 / years.DAYS for chunk in done for year in chunk.openings]
    middle = mean(counts)
    half = Z_95 * stdev(counts) / math.sqrt(len(counts))
    finished = sum(chunk.finished for chunk in done) / len(counts) / years.DAYS
    yield Line("years without a break; finished installations a day that count", f"{len(counts)}; {finished:,.0f}")
    yield Line(
        "false alarms per 30 days, all scripts and kinds",
        f"{middle:.2f} (95 %: {middle - half:.2f} to {middle + half:.2f})",
        "<= 1, upper end <= 1.2",
        middle <= 1 and middle + half <= 1.2,
    )
    kinds = years.by_kind(done)
    yield Line("of these", ", ".join(f"{kind} {n * 30 / years.DAYS / len(counts):.2f}" for kind, n in kinds.most_common()))


def _broken_years(pool: Executor, wanted: int) -> Iterator[Line]:
    chunks = max(1, round(wanted / years.YEARS_AT_ONCE / 5))
    simulate = partial(years.simulate, breaks_a_year=BREAKS_A_YEAR)
    done = list(pool.map(simulate, range(BROKEN_SEED, BROKEN_SEED + chunks)))
    for share, name in ((0.31, "a version of a quarter"), (0.4, "40 %"), (1.0, "100 %")):
        broken = [one for chunk in done for one in chunk.breaks if one.share == share]
        enough = [one for one in broken if one.finished >= ENOUGH[share]]
        delays = [one.delay for one in enough if one.delay is not None]
        closed = [one.closed_after_days for one in enough if one.closed_after_days is not None]
        yield Line(
            f"in {chunks * years.YEARS_AT_ONCE} whole years, any script from 1 a day on that broke for 5 to 25 days: {name}",
            f"found {len(delays)} of {len(enough)} with {ENOUGH[share]} finished or more meanwhile,"
            f" after {mean(delays or [0]):.0f}; closed {mean(closed or [0]):.1f} days after the fix",
        )


def _delays(pool: Executor, runs: int) -> Iterator[Line]:
    goal = 1.5 * math.log(SPACING) / divergence(BROKEN, USUAL) + 5
    threshold = threshold_for(SPACING, USUAL, BROKEN)
    oracle = run_length(threshold, USUAL, BROKEN, BROKEN)
    yield Line(f"oracle that knows both rates, a false alarm in {SPACING:,.0f}: finished until found", f"{oracle:.1f}")
    for scenario in (Scenario(1, BROKEN), Scenario(5, BROKEN), Scenario(20, BROKEN), Scenario(100, BROKEN, past=1000)):
        found = _run(pool, scenario, runs)
        delays = sorted(one.delay for one in found)
        yield Line(
            f"8 % -> 40 %, {scenario.past} past ones, {scenario.a_day:g} a day: finished until found",
            f"mean {mean(delays):.1f} +- {_error(delays):.1f}, median {delays[runs // 2]}, 90 % {delays[runs * 9 // 10]};"
            f" with new causes {mean(one.first for one in found):.1f}",
            f"mean <= {goal:.1f}",
            mean(delays) <= goal,
        )
        yield Line("  its instant lies in the 95 % interval", _percent([one.interval_holds for one in found]))
    total = _run(pool, Scenario(20, 1.0), runs)
    yield Line(
        "8 % -> 100 %, 20 a day: time until found",
        f"mean {mean(one.days for one in total):.2f} days, within one day {_percent([one.days <= 1 for one in total])}",
        "mean <= 1 day",
        mean(one.days for one in total) <= 1,
    )


def _explanations(pool: Executor, runs: int) -> Iterator[Line]:
    scenarios = (
        Scenario(20, 1.0, os="debian 13"),
        Scenario(20, 0.6, os="debian 12"),
        Scenario(20, 1.0, pve="9.0.10"),
        Scenario(20, 0.7, pve="9"),
    )
    for scenario in scenarios:
        found = _run(pool, scenario, runs)
        wanted = scenario.os or scenario.pve
        right = [_versions(one.later) == [wanted] for one in found]
        at_once = [_versions(one.at_once) == [wanted] for one in found]
        yield Line(
            f"8 % -> {scenario.broken:.0%} on {wanted} alone: named",
            f"{_percent(right)} {LATER} finished later, {_percent(at_once)} at once;"
            f" found after {mean(one.delay for one in found):.0f}",
            ">= 90 % with enough data",
            mean(right) >= 0.9,
        )
        yield _wrongly_named("  another one is named", found, wanted)
    everywhere = _run(pool, Scenario(20, BROKEN), runs)
    named = [bool(one.later and one.later.causes and one.later.causes[0].cause == THE_CAUSE) for one in everywhere]
    yield Line("8 % -> 40 % by one cause: it is named first", _percent(named), ">= 90 %", mean(named) >= 0.9)
    for scenario in (Scenario(20, BROKEN), Scenario(20, 1.0, past=30), Scenario(2, BROKEN, past=30)):
        yield _wrongly_named(
            f"8 % -> {scenario.broken:.0%} on all, {scenario.a_day:g} a day, {scenario.past} past ones: a version is named",
            _run(pool, scenario, runs),
        )


def _wrongly_named(question: str, found: Sequence[Run], wanted: str | None = None) -> Line:
    """How often a version is named that did not break alone: people who are told that look in the wrong place."""
    right = ([], [wanted])
    at_once = [_versions(one.at_once) not in right for one in found]
    later = [_versions(one.later) not in right for one in found]
    return Line(
        question,
        f"{_percent(at_once)} when the alert opens, {_percent(later)} {LATER} finished later",
        f"<= {WRONGLY_NAMED:.0%}",
        max(mean(at_once), mean(later)) <= WRONGLY_NAMED,
    )


def _fixes(pool: Executor, runs: int) -> Iterator[Line]:
    found = _run(pool, Scenario(20, BROKEN, fixed_after_days=5), runs)
    closed = [one.closed_after for one in found if one.closed_after is not None]
    yield Line(
        "8 % -> 40 %, fixed after 5 days: closed",
        f"{_percent([one.closed_after is not None for one in found])}, {mean(closed):.0f} finished after the fix;"
        f" opened again within {breaks.AFTERWARDS} {_percent([one.opened_again > 0 for one in found])}",
    )


def _global_rule(runs: int) -> Iterator[Line]:
    quiet_days, caught = global_rule.openings(SEED), global_rule.caught(SEED, runs)
    yield Line(
        "the global rate over 20 % instead: openings per 30 days without a break; total breaks found, 20 a day and 300 a day",
        f"{quiet_days:.1f}; {caught[20]:.0%}, {caught[300]:.0%}",
    )


def _run(pool: Executor, scenario: Scenario, runs: int) -> list[Run]:
    return list(pool.map(partial(_one, scenario), range(BREAK_SEEDS, BREAK_SEEDS + runs), chunksize=20))


def _one(scenario: Scenario, seed: int) -> Run:
    return breaks.run(seed, scenario)


def _versions(explanation: Explanation | None) -> list[str]:
    return [version.name for version in explanation.limited_to] if explanation else []


def _percent(hits: Sequence[bool]) -> str:
    return f"{100 * mean(hits):.1f} %"


def _error(values: Sequence[int]) -> float:
    return Z_95 * stdev(values) / math.sqrt(len(values))


if __name__ == "__main__":
    sys.exit(main())
