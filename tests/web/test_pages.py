"""Pages as text: sizes, empty states, hostile names, links, and the same bytes for the same data."""

import gzip
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from rendered import NOW, PAGES, Data, demo_events, stored, view

from page_reader import number, read
from telemetry_service.core.errors import Rejected
from telemetry_service.core.fields import FIELDS
from telemetry_service.settings import from_environ
from telemetry_service.store.store import FILE_NAME
from telemetry_service.web.pages import NoSuchPage, Pages
from telemetry_service.web.site import PERIODS, LiveSite, StaticSite, assets, static_file

EVERY = ("overview", "errors", "scripts", "script:jellyfin", "privacy")
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"
MAX_BYTES, MAX_COMPRESSED_BYTES, MAX_SCRIPT_BYTES = 100_000, 25_000, 10_000


@pytest.fixture(scope="module")
def data() -> Iterator[Data]:
    with stored(demo_events(2500, 60, 5)) as found:
        yield found


@pytest.fixture(scope="module")
def nothing() -> Iterator[Data]:
    with stored() as found:
        yield found


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("page", EVERY)
def test_equal_data_gives_equal_bytes(data: Data, page: str, exact: bool) -> None:
    assert data.html(page, exact=exact) == data.html(page, exact=exact)


@pytest.mark.parametrize("days", [str(days) for days in PERIODS])
@pytest.mark.parametrize("page", EVERY)
def test_pages_are_small(data: Data, page: str, days: str) -> None:
    for site in (LiveSite(NOW), StaticSite(NOW, static_file(page, int(days)))):
        try:
            html = data.html(page, exact=False, days=days, site=site).encode()
        except NoSuchPage:  # nothing of the script is published
            continue
        assert len(html) < MAX_BYTES
        assert len(gzip.compress(html, 6)) < MAX_COMPRESSED_BYTES


@pytest.mark.parametrize(
    ("days", "before"), [("365", "24 Nov 2024 – 23 Nov 2025"), ("7", "10 Nov 2026 – 16 Nov 2026"), ("1", "22 Nov 2026")]
)
def test_the_period_before_is_said_with_its_years(data: Data, days: str, before: str) -> None:
    assert f", beside {before}" in data.page("overview", exact=True, days=days).text.replace("\xa0", " ")


def test_our_own_javascript_is_small() -> None:
    assert len(assets()["comfort.js"].body) < MAX_SCRIPT_BYTES


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("page", EVERY)
def test_nothing_that_the_policy_forbids(data: Data, page: str, exact: bool) -> None:
    html = data.html(page, exact=exact)
    assert not re.search(r"\sstyle\s*=|<style|\son\w+\s*=|javascript:|<iframe|<script(?! src=\"/static/)", html)
    assert not re.search(r"(src|href|action)=\"(https?:)?//", html)


@pytest.mark.parametrize("page", ["overview", "errors", "scripts"])
@pytest.mark.parametrize("exact", [False, True])
def test_an_empty_store_has_pages_that_say_what_will_be_there(nothing: Data, page: str, exact: bool) -> None:
    html = nothing.html(page, exact=exact)
    assert 'class="empty"' in html
    assert "None" not in html


def test_every_name_is_escaped() -> None:
    """Intake lets no such name in; should one be in the store all the same, it is text."""
    with stored(demo_events(800, 20, 6)) as data:
        top = data.reports().errors(view(exact=True, days="0", repo="all")).error_groups[0].pattern
        with closing(sqlite3.connect(data.directory / FILE_NAME)) as connection, connection:
            for kind, text, name in (
                ("script", "jellyfin lxc", f"{HOSTILE} lxc"),
                ("nsapp", "jellyfin", HOSTILE),
                ("method", "advanced", HOSTILE),
            ):
                assert connection.execute("UPDATE name SET text = ? WHERE kind = ? AND text = ?", (name, kind, text)).rowcount
            changed = connection.execute("UPDATE name SET label = ? WHERE kind = 'cause' AND label = ?", (HOSTILE, top))
            assert changed.rowcount
            for kind in ("os", "pve_version", "gpu", "cpu", "error_category"):
                connection.execute(
                    "UPDATE name SET text = ? WHERE id = (SELECT max(id) FROM name WHERE kind = ?)", (f"{HOSTILE} {kind}", kind)
                )
        fresh = Data(data.directory, data.store)
        found = 0
        for page in ("overview", "errors", "scripts", f"script:{HOSTILE}"):
            html = fresh.html(page, exact=True, days="0", repo="all")
            assert "<script>alert" not in html
            assert html.count("<img") == html.count('<img src="/badge/')
            assert not re.search(r'="[^"]*\'x\'', html)
            found += html.count("&lt;script&gt;alert(")
        for by in ("error", "method"):
            html = fresh.html("errors", exact=True, days="0", repo="all", by=by, **{"is": HOSTILE})
            assert "<script>alert" not in html
            found += html.count("&lt;script&gt;alert(")
        fresh.close()
        assert found > 10


@pytest.mark.parametrize(
    ("page", "query", "field"),
    [
        ("scripts", {"sort": "sideways"}, "sort"),
        ("scripts", {"page": "two"}, "page"),
        ("scripts", {"q": "x" * 200}, "q"),
        ("errors", {"by": "weather", "is": "rain"}, "by"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(data: Data, page: str, query: dict[str, str], field: str) -> None:
    with pytest.raises(Rejected, match=field):
        data.html(page, exact=True, **query)


def test_no_such_page(data: Data) -> None:
    for page in ("weather", "script:no-such-app", "script:"):
        with pytest.raises(NoSuchPage):
            data.html(page, exact=True)


def test_a_page_beyond_the_last_is_the_last(data: Data) -> None:
    last = data.page("scripts", exact=True, days="0", page="999").tables[-1].rows
    assert last
    assert last == data.page("scripts", exact=True, days="0", page="4").tables[-1].rows or len(last) <= 100


def test_pages_of_scripts_hold_each_script_once(data: Data) -> None:
    seen: list[tuple[str, str]] = []
    for place in range(1, 10):
        page = data.page("scripts", exact=True, days="0", page=str(place))
        seen += [(row[0], row[1]) for row in page.tables[-1].rows]
        if not any(f"page={place + 1}" in link for link in page.links):
            break
    assert len(seen) == len(set(seen)) == data.reports().scripts(view(exact=True, days="0")).total_scripts
    assert len(seen) > 100


def test_scripts_are_searched_and_sorted(data: Data) -> None:
    found = data.page("scripts", exact=True, q="JELLY").tables[-1].rows
    assert [row[0] for row in found] == ["jellyfin"]
    totals = [number(row[2]) for row in data.page("scripts", exact=True, sort="least").tables[-1].rows]
    assert totals == sorted(totals)
    names = [row[0] for row in data.page("scripts", exact=True, sort="name").tables[-1].rows]
    assert names == sorted(names)
    assert "has “zzz” in its name" in data.page("scripts", exact=True, q="zzz").text


def test_a_name_in_the_address_adds_no_filter_to_links() -> None:
    assert LiveSite(NOW).link("records", {"days": "30", "x&app": "a&b"}) == "/records?days=30&x%26app=a%26b"


def test_links_go_on_carrying_the_filter(data: Data) -> None:
    page = data.page("overview", exact=True, days="7", repo="all")
    inner = [link for link in page.links if link.startswith("/scripts/")]
    assert inner
    assert all("days=7" in link and "repo=all" in link for link in inner)


@pytest.mark.parametrize("page", EVERY)
def test_links_of_the_static_site_lead_to_its_files(data: Data, page: str) -> None:
    here = static_file(page, 30)
    files = {
        static_file(name, days)
        for name in ("overview", "errors", "scripts", "alerts", "reports", "privacy", "record")
        for days in PERIODS
    }
    html = data.html(page, exact=False, site=StaticSite(NOW, here))
    links = [link for link in re.findall(r'href="([^"#]*)"', html) if link and "assets/" not in link]
    assert links
    for link in links:
        assert not link.startswith("/")
        target = _resolved(here, link)
        assert target in files or re.fullmatch(r"scripts/[a-z0-9._+-]+/\d+\.html", target), link


def _resolved(here: str, link: str) -> str:
    parts = here.split("/")[:-1]
    for part in link.split("/"):
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


def test_the_badge_to_copy_is_whole_where_the_address_is_known(data: Data) -> None:
    asked = view(exact=True)
    for address in ("", "https://t.example/sub"):
        pages = Pages(from_environ({"PUBLIC_URL": address}))
        html = pages.render("script:jellyfin", data.reports(), asked, {"days": "30"}, LiveSite(NOW))
        assert f"[![jellyfin]({address}/badge/jellyfin.svg)]({address}/scripts/jellyfin)" in html


def test_nothing_is_said_to_have_failed_where_a_few_may_have(nothing: Data) -> None:
    public, exact = (read(nothing.html("errors", exact=exact)).text for exact in (False, True))
    assert "Nothing failed in this period, or fewer than 5 installations of a kind." in public
    assert "Nothing failed in this period." in exact
    assert "Nothing failed in this period." not in public


def test_the_privacy_page_names_every_field_that_is_stored(data: Data) -> None:
    text = data.html("privacy", exact=False)
    for field in FIELDS:
        assert (f"<code>{field.name}</code>" in text) == (field.record != "optional")
        if field.record != "optional":
            assert field.description.partition("'")[0] in text
    assert f"{PAGES._settings.retention_days} days" in text
