"""What an answer tells: every number in it that counts installations, and whether the others follow from those.

Closed by default: a number under a name that is not listed here is taken for a count.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import page_reader
from telemetry_service.core.counts import DURATION_RATIO
from telemetry_service.core.reports.rates import MIN_FINISHED_FOR_RATE


class Told(NamedTuple):
    """A number that counts installations, and where in an answer it stands."""

    where: str
    n: int


# Whole numbers that count no installations: settings, names, scripts and days.
NO_COUNTS = {"step", "exit_code", "top_exit_code", "days_old", "up_to", "unique_apps", "total_scripts"}
RATES = {
    *("success_rate", "failure_rate", "failure_rate_low", "failure_rate_high", "overall_fail_rate"),
    *("percentage", "percent", "low", "high"),
}
DURATIONS = {"avg_install_duration", "median_install_duration", "mean", "p50", "p90", "p99"}
FINISHED = (("success", "failed"), ("success_count", "failed_count"))
NOT_COUNTED_METRICS = re.compile(
    r"telemetry_(success_rate|worker_|publish_last_success|channel_|audit_|inbox_oldest)|python_|process_"
)

NO_COUNT_COLUMNS = {
    *("scripts", "share", "rate", "success", "success rate", "failure rate", "first seen", "per day", "change", "type"),
    *("revision", "most affected", "trend", "last", "95 % interval", "most frequent cause"),
}
NO_COUNT_FIGURES = {"Scripts", "Scripts affected", "Success rate", "Failure rate", "Median duration"}
CELL = re.compile(
    r"(\d{1,3}(?:,\d{3})*)(?: of (\d{1,3}(?:,\d{3})*))?(?: (?:before|yesterday|installations|runs|failed|in the .*))?"
)
BESIDE = re.compile(r"(?<![\d.,])(\d[\d,]*)(?: of (\d[\d,]*))? (?:before|yesterday|since)\b")
EXPECTED = re.compile(r"[Aa]bout (\d[\d,]*) installations")
BAR = re.compile(r"(\d{1,3}(?:,\d{3})*) (?:success|failed|aborted|unknown)")
BADGE = re.compile(r"installs: (\d+)(?:,|$)")


def in_json(value: Any, where: str = "") -> Iterator[Told]:
    """Every count in a JSON answer."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if name not in NO_COUNTS:
                yield from in_json(inner, f"{where}.{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from in_json(inner, f"{where}[{place}]")
    elif isinstance(value, int) and not isinstance(value, bool):
        yield Told(where, value)


def unexplained(value: Any, where: str = "") -> Iterator[str]:
    """Fractions that do not follow from the counts beside them, or that nobody has explained here."""
    if isinstance(value, list):
        for place, inner in enumerate(value):
            yield from unexplained(inner, f"{where}[{place}]")
    if not isinstance(value, Mapping):
        return
    for name, inner in value.items():
        yield from unexplained(inner, f"{where}.{name}")
        if isinstance(inner, float) and name not in RATES and name not in DURATIONS and name != "installs_per_day":
            yield f"{where}.{name} = {inner}: a fraction of unknown meaning"
        if name in ("p50", "p90", "p99", "median_install_duration") and inner and not _is_bucket(inner):
            yield f"{where}.{name} = {inner}: the duration of somebody, no middle of a bucket"
    for success, failed in FINISHED:
        rate = value.get("success_rate")
        if rate is not None and success in value and failed in value:
            finished = value[success] + value[failed]
            if finished < MIN_FINISHED_FOR_RATE or abs(rate - 100 * value[success] / finished) > 0.06:
                yield f"{where}.success_rate = {rate} of {value[success]} and {value[failed]}"
    if "installs_per_day" in value:
        days = value["total"] / value["installs_per_day"] if value["installs_per_day"] else 1.0
        if value["installs_per_day"] >= 1 and abs(days - round(days)) > 0.02 * days:
            yield f"{where}.installs_per_day = {value['installs_per_day']} of {value['total']}"


def _is_bucket(seconds: float) -> bool:
    return any(abs(seconds - round(DURATION_RATIO ** (bucket - 0.5), 1)) < 0.001 for bucket in range(60))


def in_page(html: str) -> Iterator[Told]:
    """Every count in the figures, tables and charts of a page."""
    page = page_reader.read(html)
    for name, text in page.figures.items():
        if name not in NO_COUNT_FIGURES and (found := CELL.fullmatch(text)):
            yield from _whole(f"figure {name}", found)
    for table in page.tables:
        for row in table.rows:
            for column, text in list(zip(table.columns, row, strict=False))[1:]:
                if column.lower() not in NO_COUNT_COLUMNS and (found := CELL.fullmatch(text)):
                    yield from _whole(f"{table.heading} / {row[0]} / {column}", found)
    for kind, pattern, text in (("bar", BAR, html), ("beside", BESIDE, page.text), ("expected", EXPECTED, page.text)):
        for place, found in enumerate(pattern.finditer(text)):
            yield from _whole(f"{kind} {place}", found)


def _whole(where: str, found: re.Match[str]) -> Iterator[Told]:
    for text in found.groups():
        if text:
            yield Told(where, int(text.replace(",", "")))


def in_badge(svg: str) -> Iterator[Told]:
    for found in BADGE.finditer(svg.partition("<title>")[2].partition("</title>")[0]):
        yield Told("badge", int(found[1]))


def in_metrics(text: str) -> Iterator[Told]:
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if line and not line.startswith("#") and not NOT_COUNTED_METRICS.match(name) and "_created" not in name:
            yield Told(name, int(float(value)))
