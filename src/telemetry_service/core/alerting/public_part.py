"""What of an alert is public: all that its words in public are made of, and no more."""

from telemetry_service.core.alerting.alert import Alert, Cause, Recovery, Share, Since, Version
from telemetry_service.core.alerting.words import Published, coarse
from telemetry_service.core.installation import MICROSECONDS_PER_DAY

NOTHING = Share(0, 0)


def public_part(alert: Alert, published: Published) -> Alert:
    """The alert with UTC days for instants, shares that are as rough as their words, and names that are published alone.

    What is told of it in public is what is told of the alert itself.
    """
    versions = [one for one in alert.limited_to if (one.dimension, one.name) in published.versions]
    return Alert(
        number=alert.number,
        kind=alert.kind,
        script=alert.script,
        source=alert.source,
        # Two causes without a name are still two.
        cause=alert.cause if alert.cause is None or alert.cause in published.lines else str(alert.number),
        opened_at=_day(alert.opened_at),
        closed_at=None if alert.closed_at is None else _day(alert.closed_at),
        since=_days(alert.since),
        before=coarse(alert.before),
        after=coarse(alert.after),
        limited_to=tuple(Version(one.dimension, one.name, NOTHING, NOTHING) for one in versions),
        causes=tuple(Cause(one.cause, NOTHING, NOTHING) for one in alert.causes if one.cause in published.lines),
        recovery=None if alert.recovery is None else Recovery(_days(alert.recovery.since), coarse(alert.recovery.share)),
    )


def _days(since: Since) -> Since:
    return Since(_day(since.at), _day(since.earliest), _day(since.latest))


def _day(instant: int) -> int:
    return instant // MICROSECONDS_PER_DAY * MICROSECONDS_PER_DAY
