"""Export then import: the same installations, counts and reports, in another directory with another key."""

import csv
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from source_data import data_file, row

from explaining import EXPLAIN
from stored import IDS, dump, installations, opened, table
from telemetry_service.bootstrap.assembly import now
from telemetry_service.bootstrap.counting import recount
from telemetry_service.bootstrap.exporting import export_csv, export_lines
from telemetry_service.bootstrap.moving import bring_in
from telemetry_service.bootstrap.reading import Place
from telemetry_service.core.counts import Sources
from telemetry_service.core.event import Erasure
from telemetry_service.core.identity import Identities
from telemetry_service.core.intake import Intake, Policy
from telemetry_service.core.period import day_of, period
from telemetry_service.core.reports.view import View
from telemetry_service.jobs.demo import payloads
from telemetry_service.jobs.schedule import JobFailed
from telemetry_service.jobs.upkeep import clean_up, retain
from telemetry_service.settings import Settings, from_environ
from telemetry_service.store import imports, retention
from telemetry_service.store.imports import Progress
from telemetry_service.store.reading import Reader
from telemetry_service.store.record_search import Wanted
from telemetry_service.store.reports import Reports

TODAY = day_of(now())
DAYS, SEALED_DAYS = 40, 12
STUCK_HOURS = 24 * 5  # so that some that began later are still under way


def settings_of(directory: Path, key: bytes = b"k", **environ: str) -> Settings:
    directory.mkdir(exist_ok=True)
    (directory / "secret.key").write_text(key.hex() * 32)
    return from_environ({"DATA_DIR": str(directory), **environ})


def import_lines(settings: Settings, path: Path, *, history: bool) -> Counter[str]:
    return bring_in(settings, Place(kind="lines", where=str(path)), history=history)


def import_data_file(settings: Settings, path: Path, collection: str, *, history: bool) -> Counter[str]:
    return bring_in(settings, Place(kind="data", where=str(path), collection=collection), history=history)


def answers(settings: Settings) -> Mapping[str, Any]:
    """Every answer of the read endpoints to who has a token."""
    reader = Reader(settings.data_dir)
    reports = Reports(reader, Sources(settings.known_repos), IDS, step=5, stuck_hours=24, now=(TODAY + 1) * 86_400_000_000 - 1)
    found: dict[str, Any] = {}
    for days in (0, 1, 7, DAYS - SEALED_DAYS - 1, 365):
        for sources in (Sources(settings.known_repos).of_repository(repo) for repo in ("all", "ProxmoxVE")):
            view = View(period=period(days, TODAY), sources=sources, exact=True)
            everything = [reports.dashboard(view), reports.errors(view), reports.scripts(view), reports.repo_slugs(view)]
            everything += [reports.script(view, script.app) for script in reports.scripts(view).top_scripts[:3]]
            everything.append(list(reports.records.all(Wanted(period=view.period, sources=sources))))
            found[f"{days} {sources}"] = msgspec.json.decode(msgspec.json.encode(everything))
    reader.connection.close()
    return found


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are read in this process, as on a machine with one core; the tests of the commands read them in another."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0})


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A store of some weeks, of which the first are sealed."""
    settings = settings_of(tmp_path_factory.mktemp("original") / "data")
    accept = Intake(Policy(known_repos=settings.known_repos), IDS, EXPLAIN).accept
    events = [
        accept(report.body, report.received_at).event for reports in payloads(900, DAYS, 5, TODAY - 1) for report in reports
    ]
    erased = next(event.random_id for event in events if day_of(event.received_at) == TODAY - 2)
    with opened(settings.data_dir, known_repos=settings.known_repos) as store:
        store.fold([*events, Erasure(now(), erased)], None, now())
        clean_up(store, STUCK_HOURS, now)
        retention.seal(store, TODAY - DAYS + SEALED_DAYS)
        while retention.delete_sealed(store, 1000):
            pass
    kept = installations(settings.data_dir).values()
    assert {one.status for one in kept} >= {"installing", "success", "failed", "aborted", "unknown"}
    assert {one.value("type") for one in kept} >= {"lxc", "vm", "addon", "pve", "tool"}
    assert erased not in {one.value("random_id") for one in kept}
    return settings


@pytest.fixture(scope="module")
def exported(original: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("export") / "telemetry.jsonl"
    assert export_lines(original, path) == len(list(dump(original.data_dir)["installation"]))
    return path


def test_the_same_reports_elsewhere(original: Settings, exported: Path, tmp_path: Path) -> None:
    other = settings_of(tmp_path / "data", b"x")
    counts = import_lines(other, exported, history=False)
    assert counts["taken"] == counts["read"]
    assert answers(other) == answers(original)
    assert table(other.data_dir, "count_day") == table(original.data_dir, "count_day")
    assert table(other.data_dir, "count_month") == table(original.data_dir, "count_month")
    assert recount(other) == []
    again = tmp_path / "again.jsonl"
    export_lines(other, again)
    assert sorted(again.read_bytes().splitlines()) == sorted(exported.read_bytes().splitlines())  # counts come in any order
    assert {n % 5 for n in table(other.data_dir, "public_count_day").values()} == {0}

    repeated = import_lines(other, exported, history=False)
    assert repeated["left out: count of a day that has counts"] == counts["counts of sealed days restored"] > 0
    assert answers(other) == answers(original)


def test_a_file_for_its_owner_alone(exported: Path, tmp_path: Path, original: Settings) -> None:
    assert exported.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in exported.parent.iterdir()] == [exported.name]
    sheet = tmp_path / "sheet.csv"
    n = export_csv(original, sheet)
    assert sheet.stat().st_mode & 0o777 == 0o600
    with sheet.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == n
    ids = {json.loads(line).get("random_id") for line in exported.read_text().splitlines()} - {None}
    assert not [one for one in ids if one in sheet.read_text()]
    assert {one["status"] for one in rows} >= {"success", "failed"}


class TestHistory:
    def rows(self) -> list[dict[str, Any]]:
        """Of each day 10 executions, over two weeks of which one is kept, and one without an end."""
        found = [row(100 * day + n, day=TODAY - day, nsapp=f"app{n % 2}") for day in range(1, 15) for n in range(10)]
        return [*found, row(9_000, "installing", TODAY - 13)]

    def test_counts_of_what_is_older(self, tmp_path: Path) -> None:
        path = data_file(tmp_path / "data.db", self.rows())
        settings = settings_of(tmp_path / "data", RETENTION_DAYS="8")
        counts = import_data_file(settings, path, "telemetry", history=True)
        assert (counts["read"], counts["taken"]) == (141, 141)
        held = dump(settings.data_dir)
        assert len(held["installation"]) == 70  # of seven days: today, on which nothing began, is the eighth
        by_day = {key: n for key, n in table(settings.data_dir, "count_day").items() if key.script == "" and key.dimension == 0}
        assert sum(by_day.values()) == 141
        assert {key.status for key in by_day if key.unit == TODAY - 13} == {"success", "unknown"}
        assert recount(settings) == []
        assert held["sealed"] == [(1, TODAY - 8)]

        assert import_data_file(settings, path, "telemetry", history=False)["left out: longer ago than is kept"] == 71
        with pytest.raises(Exception, match="new data directory"):
            import_data_file(settings, path, "telemetry", history=True)

    def test_retention_waits_for_one_that_was_killed(self, tmp_path: Path) -> None:
        settings = settings_of(tmp_path / "data")
        with opened(settings.data_dir) as store:
            imports.begin_history(store, "source", Progress(position="here"), TODAY - 365, now())
            with pytest.raises(JobFailed, match="is waited for a day"):
                retain(store, None, 365, now)
            retain(store, None, 365, lambda: now() + 2 * 86_400_000_000)
            assert imports.progress_of(store.connection, "source").history_through == TODAY - 365


def test_another_key_knows_the_same_handles() -> None:
    assert IDS.handle(77) == Identities(b"x" * 32).handle(77)
