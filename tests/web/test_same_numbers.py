"""One question, one number: pages and JSON, with a token, against plain counting of the installations."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from rendered import NOW, SOURCES, TODAY, Data, demo_events, stored, view

from page_reader import Page, number
from stored import installations, table
from telemetry_service.core.alerting.alert import Alert, Kind
from telemetry_service.core.counts import CORE_STEPS, DISK_STEPS_GB, RAM_STEPS_MB, Dimension, Facet, step
from telemetry_service.core.event import Event
from telemetry_service.core.fields import INSTALLATION_TYPES
from telemetry_service.core.installation import MICROSECONDS_PER_DAY, Installation
from telemetry_service.core.period import day_of
from telemetry_service.core.week import first_day, name_of
from telemetry_service.jobs import demo, watch
from telemetry_service.store.alerts import open_alerts, past_alerts
from telemetry_service.web.formats import cores, gigabytes, megabytes, percent, word

ENDED = ("success", "failed", "aborted", "unknown")
REPOSITORIES = ("ProxmoxVE", "ProxmoxVED", "external", "all")
QUESTIONS = [(days, repo) for days in ("1", "2", "7", "30", "45", "0") for repo in REPOSITORIES]
Count = Callable[[Installation], object]


@pytest.fixture(scope="module", params=[3, 4])
def data(request: pytest.FixtureRequest) -> Iterator[Data]:
    with stored(demo_events(1500, 60, request.param)) as found:
        yield found


class Raw:
    """The installations of a question, and plain sums of them."""

    def __init__(self, data: Data, days: str, repo: str) -> None:
        asked = view(exact=True, days=days, repo=repo)
        first, last = asked.period.first or 0, asked.period.last
        every = [found for found in installations(data.directory).values() if self.source(found) in asked.sources]
        self.every = every
        self.inside = [found for found in every if first <= found.day <= last]
        self.before = [found for found in every if 2 * first - last - 1 <= found.day < first] if asked.period.first else []

    @staticmethod
    def source(found: Installation) -> str:
        return SOURCES.of(found.value("repo_source"), found.value("repo_slug"))

    @property
    def installed(self) -> list[Installation]:
        return [found for found in self.inside if found.value("type") in INSTALLATION_TYPES]

    @property
    def ended(self) -> list[Installation]:
        return [found for found in self.installed if found.status in ENDED]

    def of(self, app: str) -> list[Installation]:
        return [found for found in self.installed if found.value("nsapp") == app]


def tally(of: list[Installation], by: Count) -> dict[object, int]:
    return {value: n for value, n in Counter(by(found) for found in of).items() if value}


def status(found: Installation) -> str:
    return found.status if found.status in ENDED else "running"


def system(found: Installation) -> str:
    return f"{found.value('os_type')} {found.value('os_version') or ''}".strip() if found.value("os_type") else ""


def script_name(found: Installation) -> str:
    """A script as lists name it: containers go without their type."""
    kind = str(found.value("type"))
    return " ".join((str(found.value("nsapp")), *([kind] if kind != "lxc" else [])))


def shown(page: Page, heading: str, column: str = "installations") -> dict[str, int]:
    return page.table(heading).counts(column) if page.has(heading) else {}


def said(share: float | None) -> str:
    return percent(share).replace("\N{NO-BREAK SPACE}", " ")


def rate(of: list[Installation], wanted: str) -> str:
    finished = [found for found in of if found.status in ("success", "failed")]
    return said(100 * sum(found.status == wanted for found in finished) / len(finished)) if finished else said(None)


def assert_outcome(page: Page, of: list[Installation], before: list[Installation]) -> None:
    by_status = Counter(map(status, of))
    was = Counter(map(status, before))
    for name, cells in page.tables[0].by_name().items():
        assert number(cells[0]) == by_status[name]
        if cells[2]:
            assert number(cells[2]) == was[name]


def assert_daily(page: Page, heading: str, of: list[Installation], statuses: tuple[str, ...]) -> None:
    """Bars over time, which leave none out."""
    table = page.table(heading) if page.has(heading) else None
    for name in statuses:
        total = sum(table.counts(name).values()) if table else 0
        assert total == sum(found.status == name for found in of)


@pytest.mark.parametrize(("days", "repo"), QUESTIONS)
def test_overview(data: Data, days: str, repo: str) -> None:
    raw = Raw(data, days, repo)
    page = data.page("overview", exact=True, days=days, repo=repo)
    report = data.reports().dashboard(view(exact=True, days=days, repo=repo))
    installed = raw.installed
    by_status = Counter(map(status, installed))

    assert number(page.figures["Installations"]) == report.total_installs == len(installed)
    every = sum(found.value("type") in INSTALLATION_TYPES for found in raw.every)
    assert number(page.figures["All time"]) == report.total_all_time == every
    assert page.figures["Success rate"] == said(report.success_rate) == rate(installed, "success")
    assert_outcome(page, installed, [found for found in raw.before if found.value("type") in INSTALLATION_TYPES])
    assert (report.success_count, report.failed_count, report.aborted_count, report.unknown_count, report.installing_count) == (
        *(by_status[name] for name in ENDED),
        by_status["running"],
    )
    assert_daily(page, "Installations over time", installed, ENDED)
    assert sum(day.success + day.failed for day in report.daily_stats) == by_status["success"] + by_status["failed"]

    apps = tally(installed, lambda found: found.value("nsapp"))
    assert shown(page, "Most installed").items() <= apps.items()
    assert [row.count for row in report.top_apps] == sorted(apps.values(), reverse=True)[:20]
    failed = Counter(f"{found.value('nsapp')} {found.value('type')}" for found in installed if found.status == "failed")
    for row in report.failed_apps:
        assert row.failed_count == failed[f"{row.app} {row.type}"]
    lists: dict[str, Count] = {
        "Operating systems": system,
        "Proxmox VE versions": lambda found: found.value("pve_version"),
        "CPU cores given": lambda found: found.value("core_count") and cores(step(found.value("core_count"), CORE_STEPS)),
        "Memory given": lambda found: found.value("ram_size") and megabytes(step(found.value("ram_size"), RAM_STEPS_MB)),
        "Disk given": lambda found: found.value("disk_size") and gigabytes(step(found.value("disk_size"), DISK_STEPS_GB)),
    }
    for heading, by in lists.items():
        expected = {" ".join(str(name).split()): n for name, n in tally(raw.ended, by).items()}
        assert shown(page, heading) == expected, heading
    methods = tally(raw.ended, lambda found: found.value("method"))
    assert shown(page, "Methods").items() <= methods.items()
    lines = tally([found for found in installed if found.status == "failed"], lambda found: found.outcome and found.outcome.error)
    assert shown(page, "Error groups", "failed").items() <= lines.items()
    for kind, heading in (("tool", "Tools"), ("addon", "Add-ons")):
        runs = tally([found for found in raw.inside if found.value("type") == kind], lambda found: found.value("nsapp"))
        assert shown(page, heading, "runs").items() <= runs.items()
        assert len(shown(page, heading, "runs")) == min(20, len(runs))


@pytest.mark.parametrize(("days", "repo"), QUESTIONS)
def test_errors(data: Data, days: str, repo: str) -> None:
    raw = Raw(data, days, repo)
    page = data.page("errors", exact=True, days=days, repo=repo)
    report = data.reports().errors(view(exact=True, days=days, repo=repo))
    failed = [found for found in raw.installed if found.status == "failed"]
    errors = [found for found in raw.installed if found.status in ("failed", "aborted")]

    assert number(page.figures["Failed or aborted"]) == report.total_errors == len(errors)
    assert page.figures["Failure rate"] == said(report.overall_fail_rate) == rate(raw.installed, "failed")
    oldest = NOW - 24 * 3_600_000_000
    stuck = [found for found in installations(data.directory).values() if found.running and found.started_at < oldest]
    assert number(page.figures["Stuck"]) == report.stuck_installing == len(stuck)
    assert_daily(page, "Failures over time", raw.installed, ("failed", "aborted"))
    categories = tally(errors, lambda found: found.outcome and word(found.outcome.error_category or "unknown"))
    assert shown(page, "Categories", "failed or aborted") == categories
    codes = tally(errors, lambda found: found.outcome and found.outcome.exit_code)
    assert {
        int(name.split()[0]): n for name, n in shown(page, "Exit codes", "failed or aborted").items()
    }.items() <= codes.items()
    assert {row.exit_code: row.count for row in report.exit_code_stats} == codes
    lines = tally(failed, lambda found: found.outcome and found.outcome.error)
    assert shown(page, "Error groups", "failed") == lines
    apps: dict[str, set[str]] = {}
    for found in failed:
        if found.outcome and found.outcome.error:
            apps.setdefault(found.outcome.error, set()).add(found.value("nsapp"))
    assert shown(page, "Error groups", "scripts") == {line: len(names) for line, names in apps.items()}
    for group in report.error_groups:
        assert days in ("0",) or sum(group.trend) == group.count
    systems = tally(failed, system)
    assert shown(page, "Operating systems", "failed").items() == systems.items()
    assert shown(page, "Proxmox VE versions", "failed") == tally(failed, lambda found: found.value("pve_version"))
    for row in report.app_errors:
        of = [found for found in raw.of(row.app) if found.value("type") == row.type]
        assert (row.total_count, row.failed_count, row.aborted_count) == (
            len(of),
            *(sum(found.status == name for found in of) for name in ("failed", "aborted")),
        )
        assert said(row.failure_rate) == rate(of, "failed")


@pytest.mark.parametrize(("days", "repo"), QUESTIONS)
def test_scripts(data: Data, days: str, repo: str) -> None:
    raw = Raw(data, days, repo)
    report = data.reports().scripts(view(exact=True, days=days, repo=repo))
    counted = tally(raw.inside, lambda found: (found.value("nsapp"), found.value("type")))
    assert {(row.app, row.type): row.total for row in report.top_scripts} == counted
    before = tally(raw.before, lambda found: (found.value("nsapp"), found.value("type")))
    listed: dict[tuple[str, str], int] = {}
    for place in range(1, 1 + -(-len(counted) // 100)):
        page = data.page("scripts", exact=True, days=days, repo=repo, page=str(place))
        for app, type_, n, was, *_ in page.tables[-1].rows:
            listed[app, type_] = number(n)
            if days != "0":
                assert number(was) == before.get((app, type_), 0)
    assert listed == counted


@pytest.mark.parametrize(("days", "repo"), [("7", "ProxmoxVE"), ("30", "all"), ("0", "ProxmoxVE")])
def test_one_script(data: Data, days: str, repo: str) -> None:
    raw = Raw(data, days, repo)
    for app in ("jellyfin", "homeassistant", "immich"):
        of = raw.of(app)
        page = data.page(f"script:{app}", exact=True, days=days, repo=repo)
        report = data.reports().script(view(exact=True, days=days, repo=repo), app)
        assert report is not None
        assert number(page.figures["Installations"]) == report.total == len(of)
        assert page.figures["Success rate"] == said(report.success_rate) == rate(of, "success")
        assert_outcome(page, of, [found for found in raw.before if found.value("nsapp") == app])
        assert_daily(page, "Installations over time", of, ENDED)
        ended = [found for found in of if found.status in ENDED]
        assert shown(page, "Operating systems") == tally(ended, system)
        failed = [found for found in of if found.status == "failed"]
        assert shown(page, "Error groups", "failed") == tally(failed, lambda found: found.outcome and found.outcome.error)
        durations = [found for found in ended if found.status == "success" and found.outcome and found.outcome.install_duration]
        assert sum(report.duration.buckets.values()) == len(durations)
        assert sum(shown(page, "Duration of successful installations").values()) == len(durations)


@pytest.mark.parametrize("days", ["7", "30", "0"])
def test_one_value(data: Data, days: str) -> None:
    raw = Raw(data, days, "ProxmoxVE")
    page = data.page("scripts", exact=True, days=days, by="os", **{"is": "debian 12"})
    of = [found for found in raw.ended if system(found) == "debian 12"]
    assert number(page.figures["Installations"]) == len(of)
    assert page.figures["Success rate"] == rate(of, "success")
    assert_daily(page, "Installations over time", of, ENDED)
    scripts = tally(of, script_name)
    assert shown(page, "Scripts").items() <= scripts.items()
    assert len(shown(page, "Scripts")) == min(100, len(scripts))
    page = data.page("errors", exact=True, days=days, by="category", **{"is": "network"})
    failures = [
        found
        for found in raw.installed
        if found.status == "failed" and found.outcome and found.outcome.error_category == "network"
    ]
    assert number(page.figures["Failed"]) == len(failures)
    assert_daily(page, "Failures over time", failures, ("failed",))


@pytest.mark.parametrize("repo", REPOSITORIES)
def test_weeks(data: Data, repo: str) -> None:
    sources = view(exact=True, repo=repo).sources
    every = [one for one in installations(data.directory).values() if Raw.source(one) in sources]
    installed = [one for one in every if one.value("type") in INSTALLATION_TYPES]
    by_week: dict[str, list[Installation]] = {}
    for one in installed:
        by_week.setdefault(name_of(one.day), []).append(one)

    listed = data.page("reports", exact=True, repo=repo).tables[0]
    assert {row[0].split()[0]: (number(row[1]), number(row[2]), row[3]) for row in listed.rows if number(row[1])} == {
        name: (len(of), sum(one.status == "failed" for one in of), rate(of, "success")) for name, of in by_week.items()
    }

    for monday in (first_day(TODAY) - 7, first_day(TODAY) - 14):
        of, before = by_week.get(name_of(monday), []), by_week.get(name_of(monday - 7), [])
        page = data.page(f"report:{name_of(monday)}", exact=True, repo=repo)
        assert number(page.figures["Installations"]) == len(of)
        assert page.figures["Success rate"] == rate(of, "success")
        by_status = Counter(map(status, of))
        assert (number(page.figures["Succeeded"]), number(page.figures["Failed"])) == (by_status["success"], by_status["failed"])
        assert shown(page, "Trend").items() >= {(name_of(monday), len(of))}
        assert shown(page, "Trend", "failed").items() >= {(name_of(monday), by_status["failed"])}
        scripts, scripts_before = tally(of, script_name), tally(before, script_name)
        assert shown(page, "Most installed").items() <= scripts.items()
        for name, was in shown(page, "Most installed", "week before").items():
            assert was == scripts_before.get(name, 0)
        failed = [one for one in of if one.status == "failed"]
        for name, n in shown(page, "Failing most", "failed").items():
            assert n == tally(failed, script_name)[name]
        lines = tally(failed, lambda one: one.outcome and one.outcome.error)
        assert shown(page, "Error lines", "failed").items() <= lines.items()


@pytest.fixture(scope="module")
def watched() -> Iterator[Data]:
    """Scripts that broke, counted and published day by day, and what the watch found."""
    broken = {script.name for script in demo.catalogue(15_000, 120, 1) if script.broken}
    by_day: dict[int, list[Event]] = {}
    for event in demo_events(15_000, 120, 1, broken):
        by_day.setdefault(day_of(event.received_at), []).append(event)
    with stored() as found:
        for day, events in sorted(by_day.items()):
            found.store.fold(events, None, day * MICROSECONDS_PER_DAY)
        watch.look(found.store, SOURCES, lambda: NOW)
        yield found


def breaks(data: Data) -> list[Alert]:
    connection = data.store.connection
    alerts = [*open_alerts(connection), *past_alerts(connection, 99)]
    return [one for one in alerts if one.kind is Kind.BROKE and one.source in view(exact=True).sources]


def alerts_page(data: Data, *, exact: bool) -> str:
    return data.page("alerts", exact=exact).text.replace("( ", "(").replace(" )", ")")


def test_exact_rates_of_alerts(watched: Data) -> None:
    text, alerts = alerts_page(watched, exact=True), breaks(watched)
    assert {one.closed_at is None for one in alerts} == {True, False}
    for one in alerts:
        firsts: dict[tuple[object, int], Installation] = {}
        for found in sorted(installations(watched.directory).values(), key=lambda found: found.started_at):
            is_its = (found.value("nsapp"), found.value("type"), Raw.source(found)) == (one.app, one.type, one.source)
            if is_its and found.status in ("success", "failed"):
                firsts.setdefault((found.value("random_id"), found.day), found)
        since = [found for found in firsts.values() if found.started_at // 1000 >= one.since.at // 1000]
        before = list(firsts.values())[: -len(since)][-one.before.whole :]  # as far as the evidence reaches back
        after = since[: one.after.whole]  # it is gathered for a fortnight
        assert one.closed_at or after == since
        failed_before, failed_after = (sum(found.status == "failed" for found in part) for part in (before, after))
        rates = [f"{100 * failed / len(of):.0f} %" for failed, of in ((failed_after, after), (failed_before, before))]
        assert f"{one.app} ({one.type}) broke: {rates[0]} of installations fail, {rates[1]} did before" in text
        assert f"{failed_before} of {len(before)} before, {failed_after} of {len(after)} since then" in text


def test_public_rates_of_alerts(watched: Data) -> None:
    text, shown_rates = alerts_page(watched, exact=False), 0
    counts = table(watched.directory, "public_count_day")
    for one in breaks(watched):
        change = day_of(one.since.at)
        end = day_of(one.recovery.since.at) - 1 if one.recovery else TODAY
        rates = []
        for first, last in ((change, end), (change - 90, change - 1)):
            by_status: Counter[str] = Counter()
            for key, n in counts.items():
                is_its = (key.script, key.source, key.facet, key.dimension) == (
                    one.script,
                    one.source,
                    Facet.OUTCOME,
                    Dimension.TYPE,
                )
                if is_its and first <= (key.unit or 0) <= last:
                    by_status[key.status] += n
            finished = by_status["success"] + by_status["failed"]
            rates.append(100 * by_status["failed"] / finished if finished >= 50 else None)
        title = f"{one.app} ({one.type}) broke: "
        if None in rates or round(rates[0]) <= round(rates[1]):
            assert re.search(re.escape(title) + r"[a-z ]+ of its installations fail, [a-z ]+ did before", text), title
        else:
            shown_rates += 1
            after, before = (f"{rate:.0f} %" for rate in rates)
            assert f"{title}{after} of installations fail, {before} did before" in text
            assert re.search(rf"Failure rate: {after} \(95 % interval [\d]+ to [\d]+ %\), before {before} \(", text)
    assert 0 < shown_rates < len(breaks(watched))
    assert "not known" not in text


def test_the_data_can_show_a_mistake(data: Data) -> None:
    raw = Raw(data, "30", "ProxmoxVE")
    assert len(raw.installed) > 100
    assert raw.before
    assert {status(found) for found in raw.installed} >= {"success", "failed", "aborted", "running"}
    assert any(found.day == TODAY - 1 for found in raw.installed)
