"""Numbers, times and words as pages write them."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

from markupsafe import Markup, escape

from telemetry_service.core.messages import unbroken
from telemetry_service.core.record.markdown import said_of_gaps
from telemetry_service.core.reports.rates import MIN_FINISHED_FOR_RATE, Rate

NBSP, DASH, MINUS = "\N{NO-BREAK SPACE}", "\N{EN DASH}", "\N{MINUS SIGN}"
_BACKTICKS = re.compile(r"`([^`]+)`")
MANY_TIMES = 10  # as many as before are told so, and not in percent
NOTHING = DASH  # where there is no number to show


def number(n: int | float | None) -> str:
    """With thousands separators: 12,345 or 12.3."""
    if n is None:
        return NOTHING
    return f"{n:,}" if isinstance(n, int) else f"{n:,.0f}" if n >= 100 else f"{n:,.1f}"


def percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.1f}{NBSP}%"


def part_of(part: int, whole: int) -> str:
    """A part in percent of a whole."""
    return percent(100 * part / whole) if whole else NOTHING


def interval(found: Rate) -> str:
    """The 95 % interval of a rate: 91.8-92.8 %."""
    if found.low is None or found.high is None:
        return f"from {MIN_FINISHED_FOR_RATE} finished on"
    return f"{found.low:.1f}{DASH}{found.high:.1f}{NBSP}%"


def seconds(duration: float | None) -> str:
    """A duration in the two largest units that say something: 3 min 20 s."""
    if duration is None:
        return NOTHING
    whole = round(duration)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}{NBSP}h {minutes}{NBSP}min" if minutes else f"{hours}{NBSP}h"
    if minutes:
        return f"{minutes}{NBSP}min {rest}{NBSP}s" if rest else f"{minutes}{NBSP}min"
    return f"{rest}{NBSP}s"


def megabytes(size: int) -> str:
    """Memory as people choose it: 512 MB, 1.5 GB, 2 TB."""
    for unit, divisor in (("TB", 1024 * 1024), ("GB", 1024)):
        if size >= divisor:
            return f"{size / divisor:g}{NBSP}{unit}"
    return f"{size}{NBSP}MB"


def gigabytes(size: int) -> str:
    return f"{size:,}{NBSP}GB"


def cores(count: int) -> str:
    return f"{count:,}{NBSP}{'core' if count == 1 else 'cores'}"


def day(iso: str) -> str:
    """A UTC day or month given as 2026-03-14 or 2026-03: 14 Mar 2026, Mar 2026."""
    if not iso:
        return NOTHING
    if len(iso) == 7:
        return f"{date.fromisoformat(iso + '-01'):%b %Y}"
    found = date.fromisoformat(iso)
    return f"{found.day}{NBSP}{found:%b %Y}"


def short_day(iso: str) -> str:
    """14 Mar."""
    found = date.fromisoformat(iso)
    return f"{found.day}{NBSP}{found:%b}"


def instant(microseconds: int) -> str:
    """To the minute, in UTC."""
    when = datetime.fromtimestamp(microseconds // 1_000_000, UTC)
    return f"{when.day}{NBSP}{when:%b %Y, %H:%M}{NBSP}UTC"


def instant_seconds(microseconds: int) -> str:
    """To the second, in UTC: 2026-03-14 09:26:53."""
    return f"{datetime.fromtimestamp(microseconds // 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def brief(duration: float) -> str:
    """A duration in seconds that may be much shorter than one: 40 ms, 3.2 s, 1 min 20 s."""
    if duration < 1:
        return f"{duration * 1000:.0f}{NBSP}ms"
    return f"{duration:.1f}{NBSP}s" if duration < 60 else seconds(duration)


def clock(iso: str) -> str:
    """An RFC 3339 instant to the second: 2026-03-14 09:26:53."""
    return iso.replace("T", " ").removesuffix("Z")


def change(now: int | float, before: int | float) -> str:
    """A difference in percent of what was: +5.4 %, or 12 times."""
    if not before:
        return NOTHING if not now else "new"
    if now >= MANY_TIMES * before:
        return f"{now / before:,.0f} times"
    return signed(100 * (now - before) / before, f"{NBSP}%")


def signed(difference: float, unit: str) -> str:
    """With its sign, unless it rounds to nothing."""
    shown = f"{abs(difference):,.1f}" if abs(difference) < 100 else f"{abs(difference):,.0f}"
    sign = "" if shown == "0.0" else "+" if difference > 0 else MINUS
    return f"{sign}{shown}{unit}"


def between(found: Any) -> str:
    """The interval of a difference: -3.1 to +2.0."""
    if found.low is None or found.high is None:
        return NOTHING
    return f"{signed(found.low, '')} to {signed(found.high, '')}"


def word(name: str) -> str:
    """A value of the wire as a word: command_not_found, user_aborted."""
    return name.replace("_", " ")


def age(days: int) -> str:
    """How long ago, in days."""
    return "today" if days == 0 else f"{days:,}{NBSP}{'day' if days == 1 else 'days'} ago"


def steps(pipeline: str) -> list[tuple[str, str, float]]:
    """(status, instant, seconds since the step before) of an installation's history."""
    found = [(str(step["s"]), str(step["t"])) for step in json.loads(pipeline)]
    times = [datetime.fromisoformat(at) for _, at in found]
    waits = [0.0, *((later - earlier).total_seconds() for earlier, later in pairwise(times))]
    return [(status, clock(at), wait) for (status, at), wait in zip(found, waits, strict=True)]


def unbroken_in_mail(text: str) -> Markup:
    """A text in which no line ends within a date or before a percent sign, without a stylesheet."""
    return Markup(unbroken(text))  # noqa: S704 - it escapes


def unbroken_on_page(text: str) -> Markup:
    """The same for pages, which have a stylesheet and may not have styles elsewhere."""
    return Markup(unbroken(text, 'class="nowrap"'))  # noqa: S704 - it escapes


def code(text: str) -> Markup:
    """A text with what stands between backticks as code."""
    return Markup(_BACKTICKS.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "percent": percent,
    "part_of": part_of,
    "interval": interval,
    "seconds": seconds,
    "megabytes": megabytes,
    "gigabytes": gigabytes,
    "cores": cores,
    "day": day,
    "short_day": short_day,
    "instant": instant,
    "instant_seconds": instant_seconds,
    "brief": brief,
    "clock": clock,
    "change": change,
    "signed": signed,
    "between": between,
    "ljust": str.ljust,
    "rjust": str.rjust,
    "word": word,
    "age": age,
    "steps": steps,
    "code": code,
    "unbroken": unbroken_in_mail,
    "whole": unbroken_on_page,
    "said_of_gaps": said_of_gaps,
}
