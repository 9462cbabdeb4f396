"""Alerts in words that may be published: rates with their intervals and days, no counts, and of names only published ones."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import msgspec

from telemetry_service.core.alerting.alert import Alert, Kind, Share, Since
from telemetry_service.core.messages import Notice

SHOWN_CAUSES = 3
UNNAMED = "a script with few installations"
_SYSTEMS = {"os": "", "pve": "Proxmox VE "}


class Published(msgspec.Struct, frozen=True):
    """What may be named of an alert: its script, versions by (dimension, name), and the masked lines of causes."""

    script: bool
    versions: frozenset[tuple[str, str]]
    lines: Mapping[str, str]


def opened(alert: Alert, published: Published) -> Notice:
    """What to tell when an alert opens."""
    lines = [*evidence(alert, published)]
    return Notice(f"alert:{alert.number}:opened", headline(alert, published), tuple(lines), _path(alert, published))


def closed(alert: Alert, published: Published) -> Notice:
    """What to tell when an alert closes: the evidence that it is over."""
    return Notice(f"alert:{alert.number}:closed", over(alert, published), tuple(recovery(alert)), _path(alert, published))


def headline(alert: Alert, published: Published) -> str:
    """An alert in one line."""
    name, before, after = subject(alert, published), percent(alert.before), percent(alert.after)
    match alert.kind:
        case Kind.BROKE:
            return f"{name} broke: {after} of installations fail, {before} did before"
        case Kind.WORSE:
            return f"{name} got worse: {after} of installations fail, {before} did before"
        case Kind.NEW_ERROR:
            return f"{name} fails of something new"
        case Kind.SILENT:
            return f"{name} is silent: no installations, although they were to be expected"
    return f"{name} gets stuck: {after} of installations never end, {before} did not before"


def over(alert: Alert, published: Published) -> str:
    """That an alert is over, in one line."""
    name = subject(alert, published)
    found = alert.recovery
    if alert.kind == Kind.SILENT:
        return f"{name} is installed again"
    if alert.kind == Kind.NEW_ERROR:
        return f"{name} does not fail of it any more"
    if found is None:
        return f"{name} is no longer watched for this"
    what = "never end" if alert.kind == Kind.STUCK else "fail"
    return f"{name} is fixed: {percent(found.share)} of installations {what}, {percent(alert.after)} did"


def evidence(alert: Alert, published: Published) -> list[str]:
    """What is known of an alert, one fact a line."""
    lines = [f"Since {moment(alert.since)}."]
    if alert.kind == Kind.SILENT:
        if alert.expected is not None:
            lines.append(f"About {alert.expected:.0f} installations were to be expected since then.")
        return lines
    what = "End unknown" if alert.kind == Kind.STUCK else "Failure rate"
    lines.append(f"{what}: {interval(alert.after)}, before {interval(alert.before)}.")
    for version in alert.limited_to:
        if (version.dimension, version.name) in published.versions:
            name = _SYSTEMS.get(version.dimension, "") + version.name
            lines.append(f"Limited to {name}: {interval(version.inside)} there, {interval(version.outside)} elsewhere.")
    for cause in alert.causes[:SHOWN_CAUSES]:
        line = published.lines.get(cause.cause)
        if line:
            lines.append(f"Why: {line}; {interval(cause.after)} of installations, before {interval(cause.before)}.")
    return lines


def recovery(alert: Alert) -> list[str]:
    """Why an alert is over, one fact a line."""
    found = alert.recovery
    if found is None:
        return []
    lines = [f"Since {moment(found.since)}."]
    if alert.kind != Kind.SILENT:
        what = "End unknown" if alert.kind == Kind.STUCK else "Failure rate"
        lines.append(
            f"{what}: {interval(found.share)}, while it lasted {interval(alert.after)}, before {interval(alert.before)}."
        )
    return lines


def subject(alert: Alert, published: Published) -> str:
    return f"{alert.app} ({alert.type})" if published.script else UNNAMED


def percent(share: Share) -> str:
    """In whole percent: a decimal would tell of how many."""
    found = share.rate.percent
    return "none" if found is None else f"{found:.0f} %"


def interval(share: Share) -> str:
    """41 % (95 % interval 29 to 54 %)."""
    found = share.rate
    if found.percent is None or found.low is None or found.high is None:
        return "not known"
    return f"{found.percent:.0f} % (95 % interval {found.low:.0f} to {found.high:.0f} %)"


def moment(since: Since) -> str:
    """The UTC day of a change, and those it lies between: the instant would be that of an installation."""
    at, earliest, latest = (_day(instant) for instant in (since.at, since.earliest, since.latest))
    return f"{at} (UTC)" if earliest == latest else f"{at} (UTC; between {earliest} and {latest})"


def _day(instant: int) -> date:
    return datetime.fromtimestamp(instant // 1_000_000, UTC).date()


def _path(alert: Alert, published: Published) -> str:
    return f"/{alert.path}" if published.script else "/alerts"
