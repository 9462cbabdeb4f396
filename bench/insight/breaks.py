"""Scripts that break: how soon that is found, on what and why, and what is said when they are fixed."""

import random
from typing import NamedTuple

from bench.insight.world import Script
from telemetry_service.core.alerting import watch
from telemetry_service.core.alerting.alert import Kind
from telemetry_service.core.alerting.explain import Explanation, Seen, explain
from telemetry_service.core.alerting.rise import Usual
from telemetry_service.core.alerting.rules import FAILING_PRIOR, STUCK_PRIOR
from telemetry_service.core.alerting.watch import Finding, Observation, Watched

USUAL = 0.08
PAST = 200  # finished installations before the break
LONGEST = 3000  # after which a break counts as never found
LATER = 40  # finished installations after the alert, when its evidence is looked at once more
AFTERWARDS = 300  # after the alert closed, in which it should not open again
SYSTEMS = {"debian 12": 0.5, "debian 13": 0.25, "ubuntu 24.04": 0.17, "alpine 3.22": 0.08}
PROXMOX = {"8.4.1": 0.35, "8.3.5": 0.1, "9.0.3": 0.15, "9.0.10": 0.2, "9.1.1": 0.2}
THE_CAUSE = "the cause"


class Scenario(NamedTuple):
    """A script with so many finished a day that breaks to a rate; on one version only, if one is given."""

    a_day: float
    broken: float
    os: str | None = None
    pve: str | None = None
    fixed_after_days: float | None = None
    past: int = PAST


class Run(NamedTuple):
    """What became of one break: finished installations and days until it was found (`first` counts an alert on the new cause
    too), the evidence then and `LATER`, whether the interval held the instant, and finished installations until it was closed
    after being fixed (None: never).
    """

    delay: int
    first: int
    days: float
    at_once: Explanation | None
    later: Explanation | None
    interval_holds: bool
    closed_after: int | None
    opened_again: int


def run(seed: int, scenario: Scenario) -> Run:
    """One script, its past, its break, and what the watch says of it."""
    life = _Life(random.Random(seed), scenario)
    while len(life.series) < scenario.past or life.watched.failing.risen:
        life.go_on(is_broken=False)
    first, began = len(life.series), life.at
    any_found = 0
    while life.watched.failing.risen is None and len(life.series) - first < LONGEST:
        if _opened(life.go_on(is_broken=True)) and not any_found:
            any_found = len(life.series) - first
    delay, days = len(life.series) - first, life.at - began
    at_once = explain(life.series)
    fixed_at = None if scenario.fixed_after_days is None else began + scenario.fixed_after_days
    for _ in range(LATER):
        if fixed_at is None or life.at < fixed_at:
            life.go_on(is_broken=True)
    later = explain(life.series)
    holds = later is not None and later.place.earliest <= first <= later.place.latest
    closed, again = (None, 0) if fixed_at is None else _recovery(life, fixed_at)
    return Run(delay, any_found or delay, days, at_once, later, holds, closed, again)


def _recovery(life: "_Life", fixed_at: float) -> tuple[int | None, int]:
    """Finished installations from the fix until the alert closes, and how many alerts open after that."""
    while life.at < fixed_at:
        life.go_on(is_broken=True)
    count = 0
    while life.watched.failing.risen and count < LONGEST:
        life.go_on(is_broken=False)
        count += 1
    again = sum(_opened(life.go_on(is_broken=False)) for _ in range(AFTERWARDS))
    return (count if count < LONGEST else None), again


def _opened(found: list[Finding]) -> bool:
    return any(one.opens and one.kind in (Kind.BROKE, Kind.NEW_ERROR) for one in found)


class _Life:
    """One script, installation after installation."""

    def __init__(self, dice: random.Random, scenario: Scenario) -> None:
        self.dice = dice
        self.scenario = scenario
        self.script = Script(dice, "0", scenario.a_day)
        self.watched = Watched()
        self.series: list[Seen] = []
        self.at = 20_000.0  # days

    def go_on(self, *, is_broken: bool) -> list[Finding]:
        """The next installation finishes."""
        dice, scenario = self.dice, self.scenario
        self.at += dice.expovariate(scenario.a_day)
        (os,) = dice.choices(list(SYSTEMS), list(SYSTEMS.values()))
        (pve,) = dice.choices(list(PROXMOX), list(PROXMOX.values()))
        if scenario.os is not None:
            is_broken = is_broken and os == scenario.os
        if scenario.pve is not None:
            is_broken = is_broken and (pve == scenario.pve or pve.startswith(f"{scenario.pve}."))
        failed = dice.random() < (scenario.broken if is_broken else USUAL)
        cause, is_new = None, False
        if failed and is_broken and dice.random() * scenario.broken >= USUAL:
            cause, is_new = THE_CAUSE, all(one.cause != THE_CAUSE for one in self.series)
        elif failed:
            cause, is_new = self.script.cause()
        self.series.append(Seen(failed, os, pve, cause))
        status = "failed" if failed else "success"
        at = int(self.at * 86_400)
        batch = watch.batch_of(self.watched, [Observation(at, status, True, True, cause, is_new)])
        if failed:
            self.watched.last_failed_at = at
        return watch.advance(self.watched, int(self.at), batch, Usual(FAILING_PRIOR), Usual(STUCK_PRIOR))
