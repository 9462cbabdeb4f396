"""The evidence of an alert: what the installations of its script say of when, where and why it changed."""

from collections.abc import Sequence

import msgspec

from telemetry_service.core.alerting.alert import Alert, Kind, Recovery, Share, Since
from telemetry_service.core.alerting.change_point import Place, change_point
from telemetry_service.core.alerting.explain import Seen, explain
from telemetry_service.core.alerting.watch import Firsts
from telemetry_service.core.period import day_of
from telemetry_service.store.rows import IDS_PER_MILLISECOND
from telemetry_service.store.watching import Ended, Script, Watching

SERIES_DAYS = 120  # in which the change is looked for


class Series:
    """The installations of one script that count for a kind of alert, and when each began, in microseconds since 1970."""

    def __init__(self, ended: Sequence[Ended], kind: Kind, cause: str | None) -> None:
        firsts = Firsts()
        self.at: list[int] = []
        self.seen: list[Seen] = []
        for one in ended:
            if kind is not Kind.STUCK and one.status == "unknown":
                continue
            at = instant_of(one.id)
            if firsts.is_first(one.person, day_of(at)):
                self.at.append(at)
                self.seen.append(Seen(_is_bad(one, kind, cause), one.os, one.pve, one.cause))

    def since(self, place: Place) -> Since:
        return Since(self.at[place.at], self.at[place.earliest], self.at[place.latest])


def _is_bad(one: Ended, kind: Kind, cause: str | None) -> bool:
    if kind is Kind.STUCK:
        return one.status == "unknown"
    return one.status == "failed" and cause in (None, one.cause)


def instant_of(id_: int) -> int:
    """When an installation began, in microseconds since 1970, to the millisecond."""
    return id_ // IDS_PER_MILLISECOND * 1000


def opened(watching: Watching, script: Script, kind: Kind, cause: str | None, since_at: int, now: int) -> Alert:
    """An alert on a script, with all that its installations from `since_at` on say of it."""
    alert = Alert(
        kind=kind,
        script=script.script,
        source=script.source,
        cause=cause,
        opened_at=now,
        since=Since(now, now, now),
        before=Share(0, 0),
        after=Share(0, 0),
    )
    return explained(watching, alert, since_at, now)


def explained(watching: Watching, alert: Alert, since_at: int, now: int) -> Alert:
    """The alert with the evidence there is by now, from installations that began at `since_at` or later."""
    series = Series(_series(watching, alert, since_at, now), alert.kind, alert.cause)
    explanation = explain(series.seen)
    if explanation is None:
        return alert
    return msgspec.structs.replace(
        alert,
        since=series.since(explanation.place),
        before=explanation.place.before,
        after=explanation.place.after,
        limited_to=explanation.limited_to,
        causes=() if alert.cause else explanation.causes,
    )


def silent(watching: Watching, script: Script, expected: float, through_day: int, now: int) -> Alert | None:
    """An alert on a script that nobody was heard of since its last installation; None if it was heard again after a day."""
    last = watching.last_begun(script, now) or now
    if day_of(last) > through_day:
        return None
    return Alert(
        kind=Kind.SILENT,
        script=script.script,
        source=script.source,
        opened_at=now,
        since=Since(last, last, last),
        before=Share(0, 0),
        after=Share(0, 0),
        expected=round(expected, 1),
    )


def closed(watching: Watching, alert: Alert, now: int, *, is_usual: bool) -> Alert:
    """The alert as it closes, with the evidence of the recovery unless what it says is only usual by now."""
    recovery = None
    if not is_usual and alert.kind is Kind.SILENT:
        heard = watching.first_begun(Script(alert.script, alert.source), alert.since.at + 1000)
        recovery = None if heard is None else Recovery(Since(heard, heard, heard), Share(0, 0))
    elif not is_usual:
        series = Series(_series(watching, alert, alert.since.at, now), alert.kind, alert.cause)
        bad = [one.bad for one in series.seen]
        # What an alert opened on was no recovery yet.
        opened_on = max((place for place, at in enumerate(series.at) if bad[place] and at <= alert.opened_at), default=0)
        place = change_point(bad, rises=False, first=opened_on + 1) or change_point(bad, rises=False)
        recovery = None if place is None else Recovery(series.since(place), place.after)
    return msgspec.structs.replace(alert, closed_at=now, recovery=recovery)


def _series(watching: Watching, alert: Alert, since_at: int, now: int) -> list[Ended]:
    first_day = max(day_of(since_at), day_of(alert.opened_at) - SERIES_DAYS)
    ended = watching.series(Script(alert.script, alert.source), first_day, day_of(now))
    return [one for one in ended if instant_of(one.id) >= since_at]
