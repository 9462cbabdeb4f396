"""The static site: the same bytes for the same data, everything that is public and nothing that is not."""

import csv
import random
import sqlite3
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from published_data import (
    DAY,
    FILE_NAME,
    SOURCES,
    K,
    Reporter,
    contents,
    environ,
    fold,
    note_record,
    query,
    reports_of,
    usual_events,
)

from telemetry_service.bootstrap.publishing import CannotPublish, publish
from telemetry_service.core.counts import Dimension
from telemetry_service.core.period import period
from telemetry_service.core.public_data import DATABASE, DICTIONARY, DIMENSIONS, TABLES, VIEWS
from telemetry_service.core.reports.view import View
from telemetry_service.settings import from_environ
from telemetry_service.store import public_copy
from telemetry_service.store.database import StoreUnavailable, UnusableData, connect, migrate
from telemetry_service.store.public_database import no_formula
from telemetry_service.store.publication import held_publication
from telemetry_service.store.reading import PUBLIC, Reader
from telemetry_service.store.runs import note_run

PERIODS = (1, 7, 30, 90, 365, 0)


def site_of(directory: Path, to: Path) -> dict[str, bytes]:
    publish(from_environ(environ(directory)), to, push=False)
    return contents(to)


def test_site_has_pages_answers_data_and_badges(data: Path, tmp_path: Path) -> None:
    site = site_of(data, tmp_path / "site")

    for name in ("overview", "errors", "scripts"):
        for days in PERIODS:
            page = "index.html" if (name, days) == ("overview", 30) else f"{name}-{days}.html"
            assert site[page].lstrip().startswith(b"<!doctype html>")
    assert "privacy.html" in site
    for app in ("jellyfin", "adguard", "newcomer", "netdata"):
        assert f"badge/{app}.svg" in site
        assert f"api/scripts/{app}.json" in site
        assert all(f"scripts/{app}/{days}.html" in site for days in PERIODS)
    for path in (DATABASE, DICTIONARY, "LICENSE.md", ".nojekyll", "csv/days.csv", "csv/scripts.csv", "csv/errors.csv"):
        assert path in site
    assert msgspec.json.decode(site["site.json"])["day"] == "2024-10-04"


def test_answers_are_those_of_the_service(data: Path, tmp_path: Path) -> None:
    site = site_of(data, tmp_path / "site")
    reader = Reader(data)
    reports = reports_of(reader)

    for days in PERIODS:
        view = View(period=period(days, DAY), sources=SOURCES.of_repository("ProxmoxVE"), exact=False)
        assert msgspec.json.decode(site[f"api/dashboard-{days}.json"]) == msgspec.to_builtins(reports.dashboard(view))
        assert msgspec.json.decode(site[f"api/errors-{days}.json"]) == msgspec.to_builtins(reports.errors(view))
        assert msgspec.json.decode(site[f"api/scripts-{days}.json"]) == msgspec.to_builtins(reports.scripts(view))
    assert site["api/dashboard.json"] == site["api/dashboard-1.json"]
    assert site["api/errors.json"] == site["api/errors-7.json"]
    assert msgspec.json.decode(site["api/scripts-0.json"])["total_installs"] == 70 + 40 + 10 + 5 + 5
    reader.connection.close()


def test_equal_data_gives_equal_bytes(data: Path, tmp_path: Path) -> None:
    assert site_of(data, tmp_path / "a") == site_of(data, tmp_path / "b")


def test_record_is_there_in_three_forms_as_the_service_last_started_with(data: Path, tmp_path: Path) -> None:
    note_record(data, CONTROLLER_NAME="Example Association", RETENTION_DAYS="90", EXTENDED_FIELDS="cpu_model")
    site = site_of(data, tmp_path / "site")  # without these settings

    for form in ("record.html", "record.md", "api/privacy/record.json"):
        text = site[form].decode()
        assert "Example Association" in text, form
        assert "90 days" in text, form
        assert "retention: 365 -&gt; 90 days" in text or "retention: 365 -> 90 days" in text, form
        assert "2024-10-04" in text, f"{form} has the history"
        assert "This is a copy" in text, form
    privacy = site["privacy.html"].decode()
    assert 'href="record.html"' in privacy
    assert "Single installations: 90 days" in privacy
    assert "<code>cpu_model</code>" in privacy


def test_record_of_a_copy_says_nothing_that_changes_from_night_to_night(data: Path, tmp_path: Path) -> None:
    before = site_of(data, tmp_path / "a")
    with closing(connect(data / FILE_NAME)) as connection:
        note_run(connection, "retention", started_at=0, ended_at=1, counts={"installations": 1, "left": 0})
    assert site_of(data, tmp_path / "b") == before


def test_order_in_which_reports_arrived_leaves_no_trace(tmp_path: Path) -> None:
    events = [*usual_events(Reporter()), *Reporter().installations("first-seen", "success", 0)]
    shuffled = random.Random(7).sample(events, len(events))
    fold(tmp_path / "one", events)
    # Names that are not published take numbers in between.
    fold(tmp_path / "other", Reporter().installations("a-rare-one", "success", 1, method="rare"))
    with sqlite3.connect(tmp_path / "other" / FILE_NAME) as connection:
        connection.execute("DELETE FROM installation")
    connection.close()
    fold(tmp_path / "other", shuffled, batch=17)

    assert site_of(tmp_path / "one", tmp_path / "a") == site_of(tmp_path / "other", tmp_path / "b")


def test_another_installation_in_a_published_place_changes_the_bytes(data: Path, tmp_path: Path) -> None:
    before = site_of(data, tmp_path / "a")
    events = usual_events(Reporter())
    more = Reporter()
    more._number = len(events)
    fold(data, more.installations("jellyfin", "success", K))
    after = site_of(data, tmp_path / "b")

    changed = {path for path in before if before[path] != after[path]}
    assert DATABASE in changed
    assert "csv/days.csv" in changed
    assert "api/scripts/jellyfin.json" in changed
    assert "api/scripts/adguard.json" not in changed


RARE = {
    "app": {"app": "canaryapp"},
    "method": {"method": "canarymethod"},
    "version": {"os_version": "77.88.99"},
    "error": {"exit_code": 6, "error": "exit_code=6"},
    "type": {"type": "vm"},
}


@pytest.mark.parametrize("rare", RARE)
def test_what_fewer_than_k_have_is_nowhere(tmp_path: Path, rare: str) -> None:
    reporter = Reporter()
    usual, data = usual_events(reporter), tmp_path / "data"
    fields = dict(RARE[rare])
    app = fields.pop("app", "jellyfin")
    fold(data, usual)
    before = site_of(data, tmp_path / "before")
    fold(data, reporter.installations(app, "failed" if rare == "error" else "success", K - 1, **fields))
    after = site_of(data, tmp_path / "after")

    assert "badge/canaryapp.svg" not in after
    for canary in (b"canaryapp", b"canarymethod", b"77.88.99", b"exit_code,6,", b"jellyfin,vm"):
        assert not any(canary in body for body in after.values())
    if rare == "type":
        assert msgspec.json.decode(after["api/scripts/jellyfin.json"])["types"] == ["lxc"]
        assert query(tmp_path / "after" / DATABASE, "SELECT type FROM script WHERE app = 'jellyfin'") == [("lxc",)]
    assert before.keys() == after.keys()


@pytest.mark.parametrize("rare", RARE)
def test_what_k_have_is_there(tmp_path: Path, rare: str) -> None:
    reporter = Reporter()
    fields = dict(RARE[rare])
    app = fields.pop("app", "jellyfin")
    status = "failed" if rare == "error" else "success"
    fold(tmp_path / "data", [*usual_events(reporter), *reporter.installations(app, status, K, **fields)])
    site = site_of(tmp_path / "data", tmp_path / "site")

    canary, path = {
        "app": (b"canaryapp", "csv/scripts.csv"),
        "method": (b"canarymethod", "api/scripts/jellyfin.json"),
        "version": (b"77.88.99", "api/scripts/jellyfin.json"),
        "error": (b"exit_code,6,", "csv/errors.csv"),
        "type": (b"jellyfin,vm", "csv/scripts.csv"),
    }[rare]
    assert canary in site[path]


def test_service_names_only_published_types_of_a_script(tmp_path: Path) -> None:
    reporter = Reporter()
    view = View(period=period(0, DAY), sources=SOURCES.of_repository("all"), exact=False)

    def types() -> list[str] | None:
        reader = Reader(tmp_path / "data")
        script = reports_of(reader).script(view, "jellyfin")
        reader.connection.close()
        return script.types if script else None

    fold(tmp_path / "data", [*usual_events(reporter), *reporter.installations("jellyfin", "success", K - 1, type="vm")])
    assert types() == ["lxc"]
    fold(tmp_path / "data", reporter.installations("jellyfin", "success", 1, type="vm"))
    assert types() == ["lxc", "vm"]


FORBIDDEN = (
    "SELECT random_id FROM live.installation",
    "SELECT n FROM live.count_day",
    "SELECT n FROM live.count_month",
    "SELECT n FROM live.public_remainder",
    "SELECT first_day FROM live.name",
    "SELECT hash FROM live.token",
    "SELECT seq FROM live.fold_position",
    "SELECT started_ms FROM live.installation_by_name",
)


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_copy_cannot_read_what_is_not_public(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str) -> None:
    monkeypatch.setattr(public_copy, "_COPY", (*public_copy._COPY, statement))
    with pytest.raises(StoreUnavailable, match="prohibited"):
        public_copy.copy_public(data, tmp_path)


def test_copy_holds_published_counts_and_nothing_else(data: Path, tmp_path: Path) -> None:
    public_copy.copy_public(data, tmp_path)
    tables = [name for (name,) in query(tmp_path / FILE_NAME, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    empty = connect(tmp_path / "empty.sqlite")
    migrate(empty, "store", 0)

    for name in set(tables) - public_copy.READABLE.keys():
        rows = query(tmp_path / FILE_NAME, f"SELECT * FROM {name}")
        assert rows == empty.execute(f"SELECT * FROM {name}").fetchall(), f"{name} holds more than the schema puts there"
    empty.close()
    assert all(query(tmp_path / FILE_NAME, f"SELECT count(*) FROM {name}") != [(0,)] for name in public_copy.READABLE)
    for table in ("public_count_day", "public_count_month"):
        assert query(tmp_path / FILE_NAME, f"SELECT * FROM {table}") == query(data / FILE_NAME, f"SELECT * FROM {table}")


def test_every_count_in_the_data_files_is_a_multiple_of_k(data: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site_of(data, site)

    for table in ("day_count", "script_day_count", "script_month_count", "running"):
        counts = [n for (n,) in query(site / DATABASE, f"SELECT n FROM {table}")]
        assert counts
        assert all(n % K == 0 for n in counts)
    for name in ("days", "scripts", "errors"):
        rows = list(csv.DictReader((site / f"csv/{name}.csv").read_text("utf-8").splitlines()))
        assert rows
        assert all(int(row["installations"]) % K == 0 for row in rows)


def test_database_agrees_with_the_answers(data: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    answers = site_of(data, site)
    repository = "repository = 'community-scripts/ProxmoxVE'"

    scripts = {row["app"]: row["total"] for row in msgspec.json.decode(answers["api/scripts-0.json"])["top_scripts"]}
    for view in ("script_days", "script_months"):
        found = query(site / DATABASE, f"SELECT app, sum(installations) FROM {view} WHERE {repository} GROUP BY 1")
        assert dict(found) == scripts
    dashboard = msgspec.json.decode(answers["api/dashboard-0.json"])
    days = "SELECT value, sum(installations) FROM days WHERE dimension = '{}' AND " + repository + " GROUP BY 1"
    assert dict(query(site / DATABASE, days.format("os"))) == {"debian 12": dashboard["os_distribution"][0]["count"]}
    assert dict(query(site / DATABASE, days.format("cores"))) == {2: dashboard["core_stats"][0]["count"]}
    errors = query(
        site / DATABASE, f"SELECT value, sum(installations) FROM script_errors WHERE dimension = 'error' AND {repository}"
    )
    assert errors == [(dashboard["error_analysis"][0]["pattern"], dashboard["error_analysis"][0]["count"])]


def test_data_dictionary_names_every_table_column_and_dimension(data: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    text = site_of(data, site)[DICTIONARY].decode()
    database = site / DATABASE

    assert set(DIMENSIONS) == set(Dimension) - {Dimension.SCRIPT}
    assert {name for (name,) in query(database, "SELECT name FROM dimension")} == {name for name, _ in DIMENSIONS.values()}
    shown = query(database, "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite%'")
    assert {name for (name,) in shown} == {part.name for part in (*TABLES, *VIEWS)}
    for part in (*TABLES, *VIEWS):
        assert f"`{part.name}`" in text
        columns = [name for _, name, *_ in query(database, f"PRAGMA table_info({part.name})")]
        assert columns == [column.name for column in part.columns]
        assert all(f"| `{name}` |" in text for name in columns)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attributes if name in ("href", "src", "action") and value]


def test_every_link_leads_to_a_file_of_the_site_or_away_by_name(data: Path, tmp_path: Path) -> None:
    site = site_of(data, tmp_path / "site")
    followed = 0
    for path, body in site.items():
        if not path.endswith(".html"):
            continue
        links = _Links()
        links.feed(body.decode())
        for link in links.found:
            parts = urlsplit(link)
            if parts.scheme or not parts.path:
                assert parts.scheme in ("", "https"), link
                continue
            target = unquote(urljoin(f"/{path}", parts.path)).removeprefix("/")
            assert target in site, f"{path} links to {link}"
            followed += 1
    assert followed > 50


def test_pages_without_a_period_lead_to_the_usual_one(data: Path, tmp_path: Path) -> None:
    site = site_of(data, tmp_path / "site")
    for path in ("reports.html", "privacy.html", "record.html"):
        links = _Links()
        links.feed(site[path].decode())
        assert {"index.html", "errors-30.html", "scripts-30.html"} <= set(links.found), path


@given(st.text())
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    shown = no_formula(text)
    assert shown.endswith(text)
    assert not shown.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert shown == text or text[0] in "=+-@\t\r"


def test_without_data_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnusableData, match="set DATA_DIR"):
        publish(from_environ(environ(tmp_path)), tmp_path / "site", push=False)


def test_empty_store_gives_a_site_without_numbers(tmp_path: Path) -> None:
    fold(tmp_path / "data", [])
    site = site_of(tmp_path / "data", tmp_path / "site")
    assert msgspec.json.decode(site["api/dashboard-0.json"])["total_installs"] == 0
    assert not [path for path in site if path.startswith("badge/")]


def test_one_publication_at_a_time_and_nothing_is_left_over(data: Path, tmp_path: Path) -> None:
    with held_publication(data), pytest.raises(UnusableData, match="under way"):
        publish(from_environ(environ(data)), tmp_path / "site", push=False)
    (data / "publish" / "work-of-one-that-was-killed").mkdir()
    site_of(data, tmp_path / "site")
    assert sorted(path.name for path in (data / "publish").iterdir()) == ["lock"]


def test_directory_with_other_files_is_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("all my work")
    with pytest.raises(CannotPublish, match=r"thesis\.txt"):
        site_of(data, tmp_path / "home")
    assert contents(tmp_path / "home") == {"thesis.txt": b"all my work"}


def test_public_tables_are_what_the_site_is_read_from(data: Path, tmp_path: Path) -> None:
    """Exact counts and installations may say anything: the site stays as it is."""
    before = site_of(data, tmp_path / "a")
    with sqlite3.connect(data / FILE_NAME) as connection:
        for table in ("installation", "count_day", "count_month", "public_remainder", "token", "fold_position"):
            connection.execute(f"DELETE FROM {table}")
    connection.close()
    assert site_of(data, tmp_path / "b") == before
    assert PUBLIC == "public_count"
