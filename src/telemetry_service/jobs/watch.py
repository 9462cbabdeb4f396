"""The watch: takes in what ended since it last looked, and opens and closes alerts.

An installation is taken in once, when it has ended or never will; with what follows from it that is one transaction. What ends
only after `WINDOW_DAYS` days is not waited for.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from telemetry_service.core.alerting import watch
from telemetry_service.core.alerting.alert import Alert, Kind
from telemetry_service.core.alerting.everybody import VERSION, All, Peers, Today, bad_day, peers_of, usual
from telemetry_service.core.alerting.rise import CALM, Rise
from telemetry_service.core.alerting.watch import Finding, Firsts, Observation, Watched, is_held
from telemetry_service.core.counts import Sources
from telemetry_service.core.period import day_of
from telemetry_service.jobs import evidence
from telemetry_service.jobs.upkeep import MICROSECONDS_PER_DAY, noted, resting
from telemetry_service.store import alerts
from telemetry_service.store.store import Store
from telemetry_service.store.watching import Ended, Script, Watching

WINDOW_DAYS = 3  # today included: the longest installation takes a day, and the clean-up another
ROLL_SECONDS = 3600  # after midnight before a day's installations are counted: reports may be late
REFRESHED_DAYS = 14  # in which the evidence of an open alert is brought up to date

Clock = Callable[[], int]  # microseconds since 1970 UTC


Key = tuple[str, str, str, str | None]  # of an alert
New = dict[Script, list[tuple[Ended, Observation]]]  # what a day has that was not taken in yet


class Passed(NamedTuple):
    """What a pass did."""

    installations: int
    opened: int
    closed: int


def look(store: Store, sources: Sources, now: Clock) -> Passed:
    """Take in everything that ended since the last pass. After the first start that is all there is, day by day.

    Raises `StoreUnavailable`, with whole days taken in or not at all.
    """
    with noted(store.connection, "watch", now) as counts:
        counts.update(dict.fromkeys(Passed._fields, 0))
        for passed in resting(_steps(store, sources, now)):
            for name, n in passed._asdict().items():
                counts[name] += n
        return Passed(**counts)


def _steps(store: Store, sources: Sources, now: Clock) -> Iterator[Passed]:
    is_done = False
    while not is_done:
        with store.transaction():
            step = _Pass(store, sources, now())
            is_done = step.go()
        yield step.passed


class _Pass:
    """One step: a day that is over, or, when none is left, what is new of the last days. Inside one transaction."""

    def __init__(self, store: Store, sources: Sources, now: int) -> None:
        self._connection = store.connection
        self._watching = Watching(store, sources)
        self._now = now
        known = self._watching.all_state()
        if known is None or known.version != VERSION:
            self._watching.forget()
        self._state = All() if known is None or known.version != VERSION else known
        self._states = self._watching.states()
        self._changed: set[Script] = set()
        self._open = {alert.key: alert for alert in alerts.open_alerts(self._connection)}
        self._recent = alerts.past_alerts(self._connection, 1000)
        self._opened = self._closed = self._taken = 0

    @property
    def passed(self) -> Passed:
        return Passed(self._taken, self._opened, self._closed)

    def go(self) -> bool:
        """Do the step; whether there is nothing left to do."""
        today = day_of(self._now)
        over = today - WINDOW_DAYS
        if self._state.through_day < 0:
            first = self._watching.first_day()
            self._state.through_day = over if first is None else min(over, first - 1)
            self._state.counted_day = self._state.through_day
        taken: list[int] = []
        is_past = self._state.through_day < over
        if is_past:
            day = self._state.through_day + 1
            at = min(self._now, (day + 1) * MICROSECONDS_PER_DAY - 1)
            self._take_days(day, day, at)
            self._end_days(day, at)
            self._refresh(at)
        else:
            taken = self._take_days(self._state.through_day + 1, today, self._now)
            is_day_told = self._now % MICROSECONDS_PER_DAY >= ROLL_SECONDS * 1_000_000
            self._end_days(today - 1 if is_day_told else today - 2, self._now)
            self._close_forgotten()
            self._refresh(self._now)
        saved = {script: self._states[script] for script in self._changed}
        self._watching.save(saved, self._state, taken, self._state.through_day)
        return not is_past

    def _take_days(self, first_day: int, last_day: int, at: int) -> list[int]:
        """Take in what is new of some days; the ids of that. Days up to the window's first are over then."""
        by_day: defaultdict[int, list[Ended]] = defaultdict(list)
        for one in self._watching.ended(first_day, last_day):
            by_day[day_of(evidence.instant_of(one.id))].append(one)
        taken = []
        for day in range(first_day, last_day + 1):
            new, by_script = self._new_of(by_day[day])
            today = Today()
            for own in by_script.values():
                today.add(own)
            self._take(day, new, by_script, today, at)
            taken += [one.id for found in new.values() for one, _ in found]
            if day <= day_of(self._now) - WINDOW_DAYS:
                self._state.everybody.learn(today, day)
                self._state.through_day = day
        self._taken += len(taken)
        return taken

    def _new_of(self, ended: Sequence[Ended]) -> tuple[New, dict[Script, Today]]:
        """What is new of a day by script, in order, and what each script did on it so far."""
        firsts = Firsts()
        by_script: defaultdict[Script, Today] = defaultdict(Today)
        new: defaultdict[Script, list[tuple[Ended, Observation]]] = defaultdict(list)
        for one in sorted(ended, key=lambda one: not one.is_watched):  # what was taken in already was first
            is_finished = one.status != "unknown" and firsts.is_first("finished", one.person, one.script)
            is_ended = firsts.is_first("ended", one.person, one.script)
            today = by_script[one.script]
            today.failed += is_finished and one.status == "failed"
            today.success += is_finished and one.status == "success"
            today.unknown += is_ended and one.status == "unknown"
            if not one.is_watched:
                new[one.script].append(
                    (one, Observation(evidence.instant_of(one.id) // 1_000_000, one.status, is_finished, is_ended, one.cause))
                )
        return new, by_script

    def _take(self, day: int, new: New, by_script: Mapping[Script, Today], today: Today, at: int) -> None:
        for script, found in new.items():
            watched = self._watched(script)
            batch = watch.batch_of(watched, self._with_new_causes(script, day, [seen for _, seen in found]))
            peers = self._state.peers.get(script.script.partition(" ")[2], Peers())
            watched.last_failed_at = max(
                (seen.at for _, seen in found if seen.status == "failed"), default=watched.last_failed_at
            )
            bad = bad_day(today, by_script[script], self._state.everybody)
            self._tell(script, watch.advance(watched, day, batch, *usual(peers, bad)), at)

    def _watched(self, script: Script) -> Watched:
        self._changed.add(script)
        return self._states.setdefault(script, Watched())

    def _with_new_causes(self, script: Script, day: int, seen: list[Observation]) -> list[Observation]:
        if not any(one.cause and one.finished and one.status == "failed" for one in seen):
            return seen
        first_days = self._watching.causes_seen(script)
        return [one._replace(is_new_cause=one.cause is not None and first_days.get(one.cause, 0) >= day) for one in seen]

    def _end_days(self, last_day: int, at: int) -> None:
        """Count the installations of days that are over, of each script and of all."""
        for day in range(self._state.counted_day + 1, last_day + 1):
            begun = self._watching.begun(day)
            part_of_usual = self._state.everybody.end_day(sum(begun.values()))
            for script in self._states.keys() | begun.keys():
                self._tell(script, watch.end_day(self._watched(script), begun.get(script, 0), part_of_usual), at)
            self._state.peers = peers_of((script.script.partition(" ")[2], one) for script, one in self._states.items())
            self._state.counted_day = day

    def _tell(self, script: Script, findings: Iterable[Finding], at: int) -> None:
        for finding in findings:
            if finding.opens:
                self._open_one(script, finding, at)
            else:
                kinds = (Kind.BROKE, Kind.WORSE) if finding.kind is Kind.BROKE else (finding.kind,)
                for kind in kinds:
                    self._close_one((kind, *script, finding.cause), at, is_usual=finding.is_usual)

    def _open_one(self, script: Script, finding: Finding, at: int) -> None:
        if self._was_told((finding.kind, *script, finding.cause), at):
            return
        if finding.kind is Kind.SILENT:
            missed = self._states[script].volume.missed
            alert = evidence.silent(self._watching, script, missed, self._state.counted_day + 1, at)
        else:
            since_at = self._not_before(script, finding.kind, finding.cause)
            alert = evidence.opened(self._watching, script, finding.kind, finding.cause, since_at, at)
        number = alerts.open_alert(self._connection, alert) if alert else None
        if alert and number is not None:
            self._opened += 1
            self._open[alert.key] = msgspec.structs.replace(alert, number=number)

    def _close_one(self, key: Key, at: int, *, is_usual: bool) -> None:
        alert = self._open.pop(key, None)
        if alert is not None:
            over = evidence.closed(self._watching, alert, at, is_usual=is_usual)
            self._closed += alerts.close_alert(self._connection, over)
            self._recent.insert(0, over)

    def _was_told(self, key: Key, at: int) -> bool:
        """Whether there is an alert of that time already: a watch that learns anew from the past tells nothing twice."""
        near = WINDOW_DAYS * MICROSECONDS_PER_DAY
        return any(
            alert.key == key and alert.opened_at - near <= at <= (alert.closed_at or at) + near
            for alert in (*self._recent, *self._open.values())
            if at < self._now
        )

    def _close_forgotten(self) -> None:
        """Close what a watch that learnt anew, by other rules than those it opened by, does not hold any more."""
        for key, alert in list(self._open.items()):
            if not is_held(self._states.get(Script(alert.script, alert.source)), alert.kind, alert.cause):
                self._close_one(key, self._now, is_usual=False)

    def _not_before(self, script: Script, kind: Kind, cause: str | None) -> int:
        """From when on a change is looked for: not in an earlier one that is over, and of what got worse since it broke."""
        if kind is Kind.WORSE:
            broke = self._open.get((Kind.BROKE, *script, None))
            return broke.since.at if broke else 0
        ends = [
            alert.recovery.since.at if alert.recovery else alert.closed_at or 0
            for alert in self._recent
            if alert.key == (kind, *script, cause)
        ]
        return max(ends, default=0)

    def _refresh(self, at: int) -> None:
        """Bring the evidence of young alerts up to date where there is more of it, unless they seem to be over."""
        for key, alert in list(self._open.items()):
            script = Script(alert.script, alert.source)
            is_young = 0 <= at - alert.opened_at < REFRESHED_DAYS * MICROSECONDS_PER_DAY
            if not is_young or script not in self._changed or alert.kind is Kind.SILENT or self._seems_over(script, alert):
                continue
            newer = evidence.explained(self._watching, alert, self._not_before(script, alert.kind, alert.cause), at)
            if newer != alert:
                alerts.update_evidence(self._connection, newer)
                self._open[key] = newer

    def _seems_over(self, script: Script, alert: Alert) -> bool:
        watched = self._states[script]
        test: Rise = watched.stuck if alert.kind is Kind.STUCK else watched.failing
        return test.risen is not None and test.risen.back > CALM
