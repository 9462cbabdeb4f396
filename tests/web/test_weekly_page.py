"""The weekly report: the numbers of a plain count, public ones in steps, as a page and as a mail that mail programs show."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import groupby

import msgspec
import pytest
from rendered import NOW, PAGES, SOURCES, TODAY, Data, demo_events, stored

from page_reader import read
from stored import installations
from telemetry_service.core.fields import INSTALLATION_TYPES
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.period import Period, day_of
from telemetry_service.core.reports.view import View
from telemetry_service.core.week import before, first_day, name_of
from telemetry_service.web.mails import report_mail
from telemetry_service.web.pages import NoSuchPage
from telemetry_service.web.site import LiveSite

MONDAY = first_day(TODAY)
WEEK = Period(MONDAY - 7, MONDAY - 1, ended=True)
ENDED = ("success", "failed", "aborted", "unknown")
EVERY = SOURCES.of_repository("all")


@pytest.fixture(scope="module")
def data() -> Iterator[Data]:
    events = sorted(demo_events(4000, 40, 5), key=lambda event: event.received_at)
    with stored() as found:
        for day, of_day in groupby(events, lambda event: day_of(event.received_at)):
            found.store.fold(list(of_day), None, (day + 1) * MICROSECONDS_PER_DAY - 1)  # published on its day
        yield found


def view(*, exact: bool, week: Period = WEEK) -> View:
    return View(period=week, sources=EVERY, exact=exact)


def counted(data: Data, week: Period) -> Counter[str]:
    assert week.first is not None
    inside = [
        one
        for one in installations(data.directory).values()
        if week.first <= one.day <= week.last and one.value("type") in INSTALLATION_TYPES
    ]
    return Counter(one.status for one in inside)


def test_exact_numbers_are_those_of_a_plain_count(data: Data) -> None:
    report = data.reports().weekly(view(exact=True))
    assert report is not None
    now, then = counted(data, WEEK), counted(data, before(WEEK))
    assert [(total.count, total.before) for total in report.totals[1:]] == [(now[status], then[status]) for status in ENDED]
    assert report.totals[0].count == now.total()
    assert report.trend[-1].week == report.week == name_of(MONDAY - 7)
    assert report.trend[-1].total == now.total() > sum(now[status] for status in ENDED)  # some still run
    assert report.daily_stats[0].date == report.first
    assert sum(day.failed for day in report.daily_stats) == now["failed"]


def test_new_scripts_are_those_first_counted_in_the_week(data: Data) -> None:
    report = data.reports().weekly(view(exact=True))
    assert report is not None
    first: dict[tuple[str, str], int] = {}
    for one in installations(data.directory).values():
        script = str(one.value("nsapp")), str(one.value("type"))
        first[script] = min(first.get(script, one.day), one.day)
    assert WEEK.first is not None
    new = {script for script, day in first.items() if WEEK.first <= day <= WEEK.last and script[1] in INSTALLATION_TYPES}
    assert {(row.app, row.type) for row in report.new_scripts} <= new
    assert len(report.new_scripts) == min(20, len(new))


def test_public_numbers_come_in_steps(data: Data) -> None:
    report = data.reports().weekly(view(exact=False))
    assert report is not None
    counts = [*(total.count for total in report.totals), *(row.total for row in (*report.top, *report.trend))]
    counts += [line.count for line in report.error_lines]
    assert any(counts)
    assert all(count % report.step == 0 for count in counts)


def test_the_page_and_its_list(data: Data) -> None:
    for exact in (True, False):
        name = name_of(MONDAY - 7)
        html = PAGES.render(f"report:{name}", data.reports(), view(exact=exact), {"repo": "all"}, LiveSite(NOW))
        report = data.reports().weekly(view(exact=exact))
        assert report is not None
        page = read(html)
        assert page.figures["Installations"] == f"{report.totals[0].count:,}"
        assert ("Exact numbers" in html) is exact
        assert "style=" not in html
    listed = PAGES.render("reports", data.reports(), view(exact=False, week=Period(TODAY - 29, TODAY)), {}, LiveSite(NOW))
    assert f'href="/reports/{name}"' in listed
    assert f"/reports/{name_of(MONDAY)}" in listed


@pytest.mark.parametrize("week", [Period(MONDAY + 7, MONDAY + 13, ended=True), Period(MONDAY - 700, MONDAY - 694, ended=True)])
def test_no_report_of_the_future_and_of_what_was_not_counted(data: Data, week: Period) -> None:
    with pytest.raises(NoSuchPage):
        PAGES.render("report:x", data.reports(), view(exact=False, week=week), {}, LiveSite(NOW))


def test_the_mail_is_what_mail_programs_show(data: Data) -> None:
    report = data.reports().weekly(view(exact=False))
    assert report is not None
    message = report_mail(report, "https://t.example")
    assert message.subject.startswith(f"Week {report.week}: ")
    bare = re.sub(r"<style>:root{[^}]*}@media \(prefers-color-scheme:dark\){.*}</style>", "", message.html)
    for forbidden in ("<svg", "<img", "<script", "<link", "<style", "url("):
        assert forbidden not in bare  # a style sheet says what is different on a dark background, and nothing else
    links = set(re.findall(r'(?:href|src)="([^"]*)"', message.html))
    assert links
    assert all(link.startswith("https://t.example/") for link in links)
    assert "href" not in report_mail(report, "").html
    for text in (message.html, message.text):
        assert f"{report.totals[0].count:,}" in text
        assert report.top[0].app in text
    assert len(message.html) < 100_000  # some mail programs cut off what is longer


def test_what_is_told_is_escaped(data: Data) -> None:
    report = data.reports().weekly(view(exact=False))
    assert report is not None
    line = msgspec.structs.replace(report.error_lines[0], pattern="<b>bold</b>")
    message = report_mail(msgspec.structs.replace(report, error_lines=[line]), "")
    assert "<b>bold</b>" not in message.html
    assert "<b>bold</b>" in message.text
