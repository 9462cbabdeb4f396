"""Alerts in words: for the public with published names and rates alone, for others with the evidence itself.

A rate of few installations with its interval tells how many of them failed. Where no published rate shows the change yet, it is
told in rough words, from which no count follows.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import msgspec

from telemetry_service.core.alerting.alert import Alert, Kind, Share, Since
from telemetry_service.core.messages import Notice
from telemetry_service.core.reports.rates import NO_RATE, Rate

SHOWN_CAUSES = 3
UNNAMED = "a script with few installations"
_ROUGH = ((90, "nearly all"), (75, "most"), (50, "more than half"), (25, "many"), (10, "some"), (0, "few"))  # from percent on
_SYSTEMS = {"os": "", "pve": "Proxmox VE "}


class Rates(msgspec.Struct, frozen=True):
    """Failure rates before the change of an alert, since then, and since it is over; `NO_RATE` where none may be shown.

    In whole percent: a decimal would tell of how many.
    """

    before: Rate
    after: Rate
    recovered: Rate = NO_RATE


class Published(msgspec.Struct, frozen=True):
    """What may be named of an alert: its script, versions by (dimension, name), and the masked lines of causes.

    `rates` are published ones; None for who may see the evidence itself.
    """

    script: bool
    versions: frozenset[tuple[str, str]]
    lines: Mapping[str, str]
    rates: Rates | None


def opened(alert: Alert, published: Published) -> Notice:
    """What to tell when an alert opens."""
    lines = tuple(evidence(alert, published))
    return Notice(f"alert:{alert.number}:opened", headline(alert, published), lines, _path(alert, published))


def closed(alert: Alert, published: Published) -> Notice:
    """What to tell when an alert closes: the evidence that it is over."""
    lines = tuple(recovery(alert, published))
    return Notice(f"alert:{alert.number}:closed", over(alert, published), lines, _path(alert, published))


def headline(alert: Alert, published: Published) -> str:
    """An alert in one line."""
    name = subject(alert, published)
    match alert.kind:
        case Kind.BROKE:
            return f"{name} broke: {_change(alert, published, 'fail')}"
        case Kind.WORSE:
            return f"{name} got worse: {_change(alert, published, 'fail')}"
        case Kind.NEW_ERROR:
            return f"{name} fails of something new"
        case Kind.SILENT:
            return f"{name} is silent: no installations, although they were to be expected"
    return f"{name} gets stuck: {_change(alert, published, 'never end')}"


def over(alert: Alert, published: Published) -> str:
    """That an alert is over, in one line."""
    name, rates = subject(alert, published), _rates(alert, published)
    if alert.recovery is None:
        return f"{name} has been like this for so long that it is usual by now"
    if alert.kind == Kind.SILENT:
        return f"{name} is installed again"
    if alert.kind == Kind.NEW_ERROR:
        return f"{name} does not fail of it any more"
    what = "never end" if alert.kind == Kind.STUCK else "fail"
    if rates.recovered.percent is None or rates.after.percent is None:
        return f"{name} is fixed: {rough(alert.recovery.share)} of its installations {what}, {rough(alert.after)} did"
    return f"{name} is fixed: {percent(rates.recovered)} of installations {what}, {percent(rates.after)} did"


def _change(alert: Alert, published: Published, what: str) -> str:
    rates = _rates(alert, published)
    if rates.before.percent is not None and rates.after.percent is not None:
        return f"{percent(rates.after)} of installations {what}, {percent(rates.before)} did before"
    before, after = rough(alert.before), rough(alert.after)
    if before == after:
        return f"more of its installations {what} than before"
    return f"{after} of its installations {what}, {before} did before"


def evidence(alert: Alert, published: Published) -> list[str]:
    """What is known of an alert, one fact a line."""
    told, rates = published.rates is None, _rates(alert, published)
    lines = [f"Since {moment(alert.since)}."]
    if alert.kind == Kind.SILENT:
        if told and alert.expected is not None:
            lines.append(f"About {alert.expected:.0f} installations were to be expected since then.")
        return lines
    new = published.lines.get(alert.cause or "")
    if new:
        lines.append(f"What is new: {new}")
    if rates.after.percent is not None:
        lines.append(f"{_what(alert)}: {interval(rates.after)}, before {interval(rates.before)}.")
    for version in alert.limited_to:
        if (version.dimension, version.name) in published.versions:
            name = _SYSTEMS.get(version.dimension, "") + version.name
            inside, outside = interval(version.inside.in_whole_percent), interval(version.outside.in_whole_percent)
            lines.append(f"Limited to {name}" + (f": {inside} there, {outside} elsewhere." if told else "."))
    for cause in alert.causes[:SHOWN_CAUSES]:
        line = published.lines.get(cause.cause)
        if line:
            after, before = interval(cause.after.in_whole_percent), interval(cause.before.in_whole_percent)
            shares = f"; {after} of installations, before {before}."
            lines.append(f"Why: {line}" + (shares if told else ""))
    return lines


def recovery(alert: Alert, published: Published) -> list[str]:
    """Why an alert is over, one fact a line."""
    if alert.recovery is None:
        return []
    rates = _rates(alert, published)
    lines = [f"Since {moment(alert.recovery.since)}."]
    if alert.kind != Kind.SILENT and rates.recovered.percent is not None:
        lasted = [f"while it lasted {interval(rates.after)}"] if rates.after.percent is not None else []
        before = [f"before {interval(rates.before)}"] if rates.before.percent is not None else []
        lines.append(f"{_what(alert)}: {', '.join([interval(rates.recovered), *lasted, *before])}.")
    return lines


def counts(alert: Alert) -> list[str]:
    """The exact counts behind an alert, for those who may see them."""
    what = {Kind.STUCK: "unknown of ended", Kind.NEW_ERROR: "failed of it of finished"}.get(alert.kind, "failed of finished")
    if alert.kind == Kind.SILENT:
        return []
    found = [f"{alert.before.part} of {alert.before.whole} before", f"{alert.after.part} of {alert.after.whole} since then"]
    if alert.recovery is not None:
        found.append(f"{alert.recovery.share.part} of {alert.recovery.share.whole} since it is over")
    return [f"Counts, {what}: {', '.join(found)}."]


def subject(alert: Alert, published: Published) -> str:
    return f"{alert.app} ({alert.type})" if published.script else UNNAMED


def rough(share: Share) -> str:
    """A share in a word, from which no count follows."""
    found = share.rate.percent
    return "none" if found is None else next(word for least, word in _ROUGH if found >= least)


def coarse(share: Share) -> Share:
    """The smallest share of a hundred that is told in the same word, whatever it was made of."""
    found = share.rate.percent
    return Share(0, 0) if found is None else Share(next(least for least, _ in _ROUGH if found >= least), 100)


def percent(found: Rate) -> str:
    return "none" if found.percent is None else f"{found.percent:.0f} %"


def interval(found: Rate) -> str:
    """41 % (95 % interval 29 to 54 %)."""
    if found.percent is None or found.low is None or found.high is None:
        return "not known"
    return f"{found.percent:.0f} % (95 % interval {found.low:.0f} to {found.high:.0f} %)"


def moment(since: Since) -> str:
    """The UTC day of a change, and those it lies between: the instant would be that of an installation."""
    at, earliest, latest = (_day(instant) for instant in (since.at, since.earliest, since.latest))
    return f"{at} (UTC)" if earliest == latest else f"{at} (UTC; between {earliest} and {latest})"


def _what(alert: Alert) -> str:
    return {Kind.STUCK: "End unknown", Kind.NEW_ERROR: "Fail of it"}.get(alert.kind, "Failure rate")


def _rates(alert: Alert, published: Published) -> Rates:
    if published.rates is not None:
        return published.rates
    recovered = alert.recovery.share.in_whole_percent if alert.recovery else NO_RATE
    return Rates(alert.before.in_whole_percent, alert.after.in_whole_percent, recovered)


def _day(instant: int) -> date:
    return datetime.fromtimestamp(instant // 1_000_000, UTC).date()


def _path(alert: Alert, published: Published) -> str:
    return f"/{alert.path}" if published.script else "/alerts"
