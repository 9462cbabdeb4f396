"""An alert in words with exact counts, for those who may read everything; what may be published of one: `words.py`."""

from collections.abc import Mapping

from telemetry_service.core.alerting.alert import Alert, Cause, Kind, Share, Since, Version
from telemetry_service.core.period import iso_instant

_WHAT = {
    Kind.BROKE: "broke",
    Kind.WORSE: "got worse",
    Kind.NEW_ERROR: "fails in a new way",
    Kind.SILENT: "fell silent",
    Kind.STUCK: "gets stuck",
}
_DIMENSIONS = {"os": "", "pve": "Proxmox "}


def headline(alert: Alert) -> str:
    """What happened to which script, in one line: `jellyfin lxc broke: 8.1 % failed before, 41.2 % since`."""
    what = f"{alert.script} {_WHAT[alert.kind]}"
    if alert.kind is Kind.SILENT:
        return f"{what}: no installations, {alert.expected} were to be expected"
    unit = "never told their end" if alert.kind is Kind.STUCK else "failed so" if alert.kind is Kind.NEW_ERROR else "failed"
    return f"{what}: {_percent(alert.before)} {unit} before, {_percent(alert.after)} since"


def details(alert: Alert, lines: Mapping[str, str]) -> list[tuple[str, str]]:
    """The evidence, as pairs of a word and what there is to say; `lines` are those of causes that may be told."""
    found = [("since", _interval(alert.since)), ("opened", _minute(alert.opened_at))]
    if alert.kind is not Kind.SILENT:
        found += [("before", _share(alert.before)), ("after", _share(alert.after))]
    found += [("only on", _version(version)) for version in alert.limited_to]
    if alert.cause:
        found.append(("cause", lines.get(alert.cause, alert.cause)))
    found += [("cause", _cause(cause, lines)) for cause in alert.causes]
    if alert.closed_at is not None:
        found.append(("closed", _minute(alert.closed_at)))
        if alert.recovery is None:
            found.append(("because", "it has been so for so long that it is usual by now"))
        elif alert.kind is Kind.SILENT:
            found.append(("because", f"there are installations again since {_minute(alert.recovery.since.at)}"))
        else:
            since = _interval(alert.recovery.since)
            found.append(("because", f"fixed since {since}: {_share(alert.recovery.share)}"))
    return found


def _minute(instant: int) -> str:
    """An instant in UTC, to the minute: more would be more than is known."""
    return f"{iso_instant(instant)[:16].replace('T', ' ')} UTC"


def _percent(share: Share) -> str:
    return "none" if share.rate.percent is None else f"{share.rate.percent} %"


def _share(share: Share) -> str:
    rate = share.rate
    if rate.percent is None:
        return "nothing to tell from"
    return f"{share.part} of {share.whole}: {rate.percent} % (95 %: {rate.low} to {rate.high} %)"


def _interval(since: Since) -> str:
    if since.earliest == since.latest:
        return _minute(since.at)
    return f"{_minute(since.at)} (95 %: {_minute(since.earliest).removesuffix(' UTC')} to {_minute(since.latest)})"


def _version(version: Version) -> str:
    inside, outside = version.inside, version.outside
    name = f"{_DIMENSIONS[version.dimension]}{version.name}"
    return f"{name}: {inside.part} of {inside.whole}, elsewhere {outside.part} of {outside.whole}"


def _cause(cause: Cause, lines: Mapping[str, str]) -> str:
    line = lines.get(cause.cause, cause.cause)
    return f"{line}: {cause.after.part} of {cause.after.whole}, before {cause.before.part} of {cause.before.whole}"
