"""Pages as a browser gets them: statuses, headers, compression, caching, refusals, and the CSV."""

import csv
import gzip
import io
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import msgspec
import pytest

from live import Live, running
from page_reader import number, read
from running_service import wait_until
from telemetry_service.web.records_csv import COLUMNS

PAGES = (
    "/",
    "/dashboard",
    "/errors",
    "/error-analysis",
    "/scripts",
    "/script-analysis",
    "/scripts/jellyfin",
    "/alerts",
    "/reports",
    "/privacy",
    "/privacy/record",
    "/privacy/audit",
)
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("pages"), ("--installations", "3000", "--days", "40", "--seed", "2")) as found:
        yield found


@pytest.mark.parametrize("path", PAGES)
def test_a_page_answers_with_its_policy(live: Live, path: str) -> None:
    answer = live.get(path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "public, max-age=30"
    assert {name.strip().lower() for name in answer.headers["vary"].split(",")} >= {"authorization", "accept-encoding"}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_compressed_when_the_browser_can_read_it(live: Live, path: str) -> None:
    def packed_and_plain() -> tuple[bytes, bytes] | None:
        plain, packed = live.get(path), live.get(path, {"accept-encoding": "gzip"})
        assert packed.headers["content-encoding"] == "gzip"
        return (packed.body, plain.body) if gzip.decompress(packed.body) == plain.body else None

    packed, plain = wait_until(packed_and_plain, "a page that did not change between two requests")
    assert len(packed) < 25_000
    assert len(plain) < 100_000


def test_a_page_that_has_not_changed_is_not_sent_again(live: Live) -> None:
    first = live.get("/scripts?days=7")
    again = live.get("/scripts?days=7", {"if-none-match": f'"other", {first.headers["etag"]}'})
    assert (again.status, again.body) == (304, b"")
    assert live.get("/scripts?days=7", {"if-none-match": '"other"'}).status == 200


def test_pages_load_a_stylesheet_that_may_be_kept_for_ever(live: Live) -> None:
    html = live.get("/").text
    loaded = re.findall(r'<(?:link|script)[^>]*(?:href|src)="(/static/[^"]+)"', html)
    assert len(loaded) == 3
    for path in loaded:
        answer = live.get(path)
        assert answer.status == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert live.get("/static/style.css").status == 404
    assert live.get("/static/../app.py").status == 404


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nothing", 404, "Nothing here"),
        ("/scripts/no-such-app", 404, "too few installations to show"),
        ("/errors?by=error&is=no+such+line", 404, "too few installations to show"),
        ("/?days=soon", 400, "Days: not a whole number"),
        ("/errors?repo=elsewhere", 400, "Repo: not one of"),
        ("/records", 401, "telemetry-service token create --scope read"),
    ],
)
def test_a_refusal_is_a_page_for_a_browser_and_a_line_for_a_program(live: Live, path: str, status: int, said: str) -> None:
    page = live.get(path)
    assert page.status == status
    assert said in read(page.text).text
    assert page.headers["content-security-policy"] == POLICY
    assert page.headers["cache-control"] == "no-store"
    line = live.get(path, {"accept": "*/*"})
    assert (line.status, line.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert line.text.count("\n") == 1


def test_a_wrong_token_is_refused_instead_of_shown_public_numbers(live: Live) -> None:
    for path in PAGES:
        assert live.get(path, {"authorization": "Bearer wrong"}).status == 401


def test_exact_pages_are_marked_and_never_kept_by_others(live: Live) -> None:
    for path in ("/", "/errors", "/scripts", "/scripts/jellyfin", "/records?days=30"):
        answer = live.get(path, exact=True)
        assert answer.status == 200
        assert "Exact numbers." in read(answer.text).text
        assert answer.headers["cache-control"] == "private, no-cache"
    assert "Exact numbers." not in live.get("/").text


def test_logging_in_leads_back_with_the_filters(live: Live) -> None:
    for path in ("/?days=7&repo=all", "/reports?repo=all", "/alerts", "/errors?days=30&by=category&is=network"):
        (asked,) = [link for link in read(live.get(path).text).links if link.startswith("/login")]
        assert parse_qs(urlsplit(asked).query)["next"] == [path]
        assert f'name="next" value="{escape(path)}"' in live.get(asked).text


def test_who_has_a_token_finds_everything_it_opens(live: Live) -> None:
    for path in ("/", "/alerts", "/reports", "/records?days=30"):
        links = read(live.get(path, exact=True).text).links
        assert "/login" in links, path
        assert any(link.startswith("/records") for link in links), path
    assert not any(link.startswith("/records") for link in read(live.get("/").text).links)


def test_pages_and_json_give_the_same_numbers(live: Live) -> None:
    for exact in (False, True):
        for query in ("days=7", "days=30&repo=all", "days=0&repo=ProxmoxVED", "days=30&slug=community-scripts/ProxmoxVE"):
            page = read(live.get(f"/?{query}", exact=exact).text)
            answer = msgspec.json.decode(live.get(f"/api/dashboard?{query}", exact=exact).body)
            assert number(page.figures["Installations"]) == answer["total_installs"]
            assert number(page.figures["All time"]) == answer["total_all_time"]
            by_status = page.tables[0].by_name()
            for name in ("success", "failed", "aborted", "unknown"):
                assert number(by_status[name][0]) == answer[f"{name}_count"]
            assert number(by_status["running"][0]) == answer["installing_count"]


def test_a_script_tag_through_the_front_door_comes_out_nowhere(tmp_path: Path) -> None:
    names = ("nsapp", "method", "os_version", "pve_version", "error", "cpu_vendor", "repo_slug")
    with running(tmp_path) as live:  # others compare pages of theirs, which must not change meanwhile
        for name in names:
            for _ in range(6):
                payload = {"random_id": str(uuid4()), "type": "lxc", "nsapp": "front-door", "status": "failed", "exit_code": 1}
                assert live.post(payload | {name: HOSTILE}) in (202, 400)
        live.wait_until_counted(6 * (len(names) - 1))
        for exact in (False, True):
            for path in ("/?days=1", "/errors?days=1", "/scripts?days=1", "/scripts/front-door?days=1"):
                answer = live.get(path, exact=exact)
                assert answer.status == 200
                assert HOSTILE not in answer.text
        assert HOSTILE not in live.get("/records?days=1", exact=True).text
        assert HOSTILE not in live.get(f"/scripts?q={HOSTILE}").text
        assert HOSTILE not in live.get(f"/{HOSTILE}").text


class TestRecords:
    """Single installations, with a token."""

    def test_paging_shows_every_installation_once(self, live: Live) -> None:
        query = "days=30&repo=all&type=vm&limit=40"
        path, seen = f"/records?{query}", []
        while True:
            page = read(live.get(path, exact=True).text)
            seen += [tuple(row) for row in page.tables[0].rows]
            after = [link for link in page.links if "after=" in link and ".csv" not in link]
            if not after:
                break
            path = after[0]
        total = msgspec.json.decode(live.get(f"/api/records?{query}", exact=True).body)["total"]
        assert len(seen) == total > 80

    @pytest.mark.parametrize("path", ["/api/records", "/records", "/records.csv"])
    @pytest.mark.parametrize("after", ["1", ".", "x.1", ".-1", f".{2**63:x}", f"7.{2**80:x}"])
    def test_a_place_that_cannot_be_is_refused(self, live: Live, path: str, after: str) -> None:
        assert live.get(f"{path}?days=30&sort=exit_code&after={after}", exact=True).status == 400

    def test_filters_are_those_of_the_endpoint(self, live: Live) -> None:
        page = read(live.get("/records?days=30&status=failed&search=jelly&sort=exit_code", exact=True).text)
        rows = page.tables[0].rows
        assert rows
        assert all(row[1].startswith("jelly") and row[2] == "failed" for row in rows)

    def test_a_history_tells_each_step_and_no_id(self, live: Live) -> None:
        answer = live.get("/records?days=30", exact=True)
        began, went_on = (f'<li class="{status}"><b>{status}</b> ' for status in ("installing", "configuring"))
        assert re.search(rf"{began}\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d{went_on}", answer.text)
        assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", answer.text)

    def test_nothing_matches(self, live: Live) -> None:
        assert "No installation matches" in live.get("/records?search=zzz", exact=True).text

    def test_the_csv_holds_the_whole_filter_in_its_order(self, live: Live) -> None:
        query = "days=40&repo=all&sort=created"
        answer = live.get(f"/records.csv?{query}", exact=True)
        assert answer.headers["content-type"].startswith("text/csv")
        assert "content-length" not in answer.headers
        head, *rows = csv.reader(io.StringIO(answer.text, newline=""))
        assert head == list(COLUMNS)
        assert len(rows) == msgspec.json.decode(live.get(f"/api/records?{query}", exact=True).body)["total"] > 2500
        created = [row[1] for row in rows]
        assert created == sorted(created)
        assert len({row[0] for row in rows}) == len(rows)

    def test_the_csv_of_nothing_has_its_head(self, live: Live) -> None:
        assert live.get("/records.csv?search=zzz", exact=True).text == ",".join(COLUMNS) + "\r\n"

    def test_the_csv_needs_a_token(self, live: Live) -> None:
        assert live.get("/records.csv").status == 401


def test_the_log_names_the_dashboard(live: Live) -> None:
    assert f"dashboard='{live.url}/'" in (live.directory.parent / "stderr.log").read_text()


def test_a_page_can_be_asked_for_by_head(live: Live) -> None:
    answer = live.get("/", method="HEAD")
    assert (answer.status, answer.body) == (200, b"")


def test_the_api_description_leaves_pages_out(live: Live) -> None:
    paths = msgspec.json.decode(live.get("/openapi.json").body)["paths"]
    assert "/" not in paths
    assert "/api/dashboard" in paths
    assert "/records.csv" in paths


@pytest.mark.parametrize("path", ["/metrics", "/api/scripts", "/healthz"])
def test_other_answers_are_as_before(live: Live, path: str) -> None:
    assert live.get(path, {"accept": "*/*"}).status == 200
