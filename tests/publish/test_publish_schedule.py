"""Jobs beside the fold: when each is due, and publishing by the running service."""

import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from published_data import K, Reporter, fold, usual_events

from running_service import Service, is_alive, wait_until
from telemetry_service.jobs.schedule import Job, JobFailed, Schedule, table
from telemetry_service.settings import from_environ
from telemetry_service.store.publication import last_success

HOUR = 3_600_000_000
GITHUB = {"GITHUB_OWNER": "owner", "GITHUB_REPO": "site", "GITHUB_URL": "file:///nowhere"}


def nothing(_stop: threading.Event) -> None:
    pass


def never(_job: str) -> None:
    return None


def test_publishing_is_off_unless_asked_for() -> None:
    assert "publish" not in {job.name for job in table(from_environ({}), never, HOUR)}


@pytest.mark.parametrize(("published_at", "first_in"), [(None, 0.0), (9 * HOUR, 0.0), (10 * HOUR - 60_000_000, 29 * 60.0)])
def test_publishing_goes_on_where_it_stopped(published_at: int | None, first_in: float) -> None:
    settings = from_environ({"PUBLISH_INTERVAL_MIN": "30", **GITHUB})
    job = table(settings, lambda _: published_at, 10 * HOUR)[0]
    assert (job.name, job.period_seconds, job.first_in_seconds) == ("publish", 1800.0, first_in)


def test_clock_set_back_does_not_put_publishing_off_for_longer_than_its_period() -> None:
    job = table(from_environ({"PUBLISH_INTERVAL_MIN": "30", **GITHUB}), lambda _: 100 * HOUR, HOUR)[0]
    assert job.first_in_seconds == 1800.0


def test_jobs_are_due_at_first_and_then_every_period() -> None:
    times = [100.0, 104.0, 105.0, 110.0, 129.0, 130.0, 200.0]
    clock = iter([100.0, 100.0, *times])  # the first two when the jobs are taken up
    often, seldom = Job("often", 10.0, 0.0, nothing), Job("seldom", 25.0, 5.0, nothing)
    schedule = Schedule((often, seldom), clock=clock.__next__)
    seen = [[job.name for job in schedule.due()] for _ in times]
    assert seen == [["often"], [], ["seldom"], ["often"], ["often"], ["seldom"], ["often", "seldom"]]


def test_job_that_fails_is_done_again_and_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    stop, done = threading.Event(), []

    def failing(_stop: threading.Event) -> None:
        done.append("failing")
        raise JobFailed("the reason")

    def working(_stop: threading.Event) -> None:
        done.append("working")
        if len(done) >= 4:
            stop.set()

    Schedule((Job("failing", 0.01, 0.0, failing), Job("working", 0.01, 0.0, working))).run(stop)
    assert done[:4] == ["failing", "working", "failing", "working"]
    assert vars(caplog.records[0])["reason"] == "the reason"


def test_no_jobs_end_at_once() -> None:
    Schedule(()).run(threading.Event())


@pytest.fixture
def started(data: Path, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    services = []

    def start(**settings: str) -> Service:
        services.append(Service(tmp_path / "service", DATA_DIR=str(data), **settings))
        return services[-1].start()

    yield start
    for service in services:
        service.end()


def got(service: Service, path: str) -> str:
    answer = service.client().send("GET", path)
    assert answer.status == 200
    return answer.text


def test_service_publishes_by_itself(data: Path, tmp_path: Path, started: Callable[..., Service]) -> None:
    remote = tmp_path / "hub" / "owner" / "site.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(remote)], check=True)
    service = started(PUBLISH_INTERVAL_MIN="60", **GITHUB | {"GITHUB_URL": f"file://{tmp_path / 'hub'}"})

    wait_until(lambda: last_success(data), "the site to be published")
    listed = subprocess.run(["git", "ls-tree", "--name-only", "gh-pages"], cwd=remote, check=True, capture_output=True).stdout
    assert b"index.html" in listed.splitlines()
    at = last_success(data)
    assert at is not None
    shown = re.search(r"^telemetry_publish_last_success_timestamp_seconds (\S+)$", got(service, "/metrics"), re.MULTILINE)
    assert shown is not None
    assert float(shown[1]) == pytest.approx(at / 1_000_000)
    assert service.stop() == 0


def test_service_says_why_it_could_not_publish(tmp_path: Path, data: Path, started: Callable[..., Service]) -> None:
    token = tmp_path / "token"
    token.write_text("ghp_verysecret\n")
    service = started(PUBLISH_INTERVAL_MIN="60", GITHUB_TOKEN_FILE=str(token), PATH=str(tmp_path), **GITHUB)

    wait_until(lambda: "job.failed" in service.log, "the job to fail")
    assert "git is not installed" in service.log
    assert "telemetry_publish_last_success" not in got(service, "/metrics")
    assert got(service, "/readyz")
    assert service.stop() == 0
    assert "verysecret" not in service.log
    assert last_success(data) is None


def test_publication_under_way_does_not_hold_up_the_end(data: Path, tmp_path: Path, started: Callable[..., Service]) -> None:
    """A git that never ends stands for a network that does not answer."""
    (tmp_path / "bin").mkdir()
    stuck = tmp_path / "bin" / "git"
    stuck.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid.new; mv {tmp_path}/pid.new {tmp_path}/pid\nexec sleep 1000\n")
    stuck.chmod(0o755)
    service = started(PUBLISH_INTERVAL_MIN="60", PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}", **GITHUB)

    wait_until((tmp_path / "pid").exists, "git to be at work")
    pid = int((tmp_path / "pid").read_text())
    assert service.stop() == 0
    assert not is_alive(pid)


def test_service_serves_badges(data: Path, started: Callable[..., Service]) -> None:
    service = started()

    client = service.client()

    def get(path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], str]:
        answer = client.send("GET", path, headers=headers)
        return answer.status, answer.headers, answer.text

    status, headers, svg = get("/badge/jellyfin.svg")
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "image/svg+xml", "public, max-age=300")
    assert "<title>installs: 120, 92 % ok</title>" in svg
    assert get("/badge/jellyfin.svg", {"if-none-match": headers["etag"]})[0] == 304
    assert get("/badge/JellyFin.svg")[2] == svg
    assert "installs: 10<" in get("/badge/newcomer.svg?repo=all")[2]
    for unknown in ("/badge/newcomer.svg", "/badge/never-heard-of.svg", "/badge/%3Cscript%3E.svg"):
        status, headers, svg = get(unknown, {"if-none-match": headers["etag"]})
        assert (status, headers["content-type"]) == (404, "image/svg+xml")
        assert "no data" in svg
        assert "script" not in svg
    assert get("/badge/jellyfin.svg?repo=nonsense")[0] == 400


def test_badge_is_the_same_before_and_after_rare_reports(data: Path, started: Callable[..., Service]) -> None:
    reporter = Reporter()
    usual_events(reporter)
    fold(data, reporter.installations("rare", "success", K - 1))
    service = started()
    for path in ("/badge/rare.svg", "/api/scripts/rare"):
        assert service.client().send("GET", path).status == 404
