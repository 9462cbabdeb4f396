"""Every page as people see it: at three widths, light and dark, with and without JavaScript, walked by hand."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from opening import Open
from playwright.sync_api import Page, expect

from live import Live

ACCESSIBILITY = (Path(__file__).parent / "accessibility.js").read_text()
PAGES = {
    "overview": "/",
    "overview-empty": "/?days=1&repo=external",
    "errors": "/errors",
    "scripts": "/scripts",
    "script": "/scripts/jellyfin",
    "category": "/errors?by=category&is=network",
    "system": "/scripts?by=os&is=debian+12",
    "alerts": "/alerts",
    "reports": "/reports",
    "report": f"/reports/{datetime.now(UTC) - timedelta(days=7):%G-W%V}",
    "privacy": "/privacy",
    "record": "/privacy/record",
    "own-data": "/privacy/data",
    "audit": "/privacy/audit",
    "records": "/records?days=30",
}
REFUSED = {"not-found": "/nothing", "locked": "/records", "unusable": "/?days=soon"}
EXACT = ("records",)
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = (
    *((1440, "light"), (1440, "dark"), (768, "light"), (768, "dark"), (390, "light"), (390, "dark")),
)


@pytest.mark.parametrize("name", PAGES | REFUSED)
def test_a_page_is_readable(visit: Open, shots: Path | None, name: str) -> None:
    """At three widths, light and dark."""
    path = (PAGES | REFUSED)[name]
    # A browser writes a refused page to the console by itself.
    with visit(path, exact=name in EXACT, silent=name in PAGES) as page:
        page.evaluate("document.querySelectorAll('details').forEach((details, place) => { details.open = place < 3; })")
        for width, scheme in LOOKS:
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            if shots:
                page.screenshot(path=shots / f"{name}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate(ACCESSIBILITY) == [], (width, scheme)
            if (width, scheme) in ((1440, "light"), (390, "dark")):
                assert _violations(page) == [], (width, scheme)


def _violations(page: Page) -> list[str]:
    """What axe-core finds of WCAG 2.2 AA and of its best practices, whatever their impact."""
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:150]}" for rule in found]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_the_same_without_javascript(visit: Open, name: str) -> None:
    exact = name in EXACT
    with visit(PAGES[name], exact=exact) as page:
        said = _words(page)
    with visit(PAGES[name], exact=exact, java_script_enabled=False) as page:
        assert _words(page) == said
        assert not page.locator(".js").filter(visible=True).count()


def _words(page: Page) -> list[str]:
    return re.sub(r"Copy|Pause updates", "", page.locator("main").inner_text()).split()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_prints_without_what_only_a_screen_needs(visit: Open, scheme: str) -> None:
    with visit("/", color_scheme=scheme) as page:
        page.emulate_media(media="print")
        expect(page.locator(".filters")).to_be_hidden()
        expect(page.get_by_role("heading", name="Installations", exact=True)).to_be_visible()


def test_the_first_paint_takes_the_page_and_one_stylesheet(visit: Open) -> None:
    with visit("/", java_script_enabled=False) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.resource_type))
        page.reload()
        assert asked.count("document") == asked.count("stylesheet") == 1
        assert set(asked) <= {"document", "stylesheet", "other"}  # other: the icon of the tab


@pytest.mark.parametrize("scripted", [True, False])
class TestWalk:
    """Filters, sorting, paging, drilling down and going back; the address always says where one is."""

    def test_filters(self, visit: Open, scripted: bool) -> None:
        with visit("/", java_script_enabled=scripted) as page:
            of_30_days = _installations(page)
            page.get_by_role("link", name="7 days").click()
            expect(page).to_have_url(re.compile(r"days=7"))
            expect(page.get_by_role("link", name="7 days")).to_have_attribute("aria-current", "true")
            of_7_days = _installations(page)
            assert 0 < of_7_days < of_30_days
            page.get_by_role("navigation", name="Repository").get_by_role("link", name="All").click()
            expect(page).to_have_url(re.compile(r"days=7.*repo=all"))
            assert _installations(page) >= of_7_days
            page.get_by_role("link", name="Errors", exact=True).click()
            expect(page).to_have_url(re.compile(r"/errors\?days=7&repo=all"))
            page.go_back()
            page.go_back()
            assert _installations(page) == of_7_days
            page.go_back()
            assert _installations(page) == of_30_days

    def test_from_the_overview_down_to_one_error_line_and_back(self, visit: Open, scripted: bool) -> None:
        with visit("/?days=0", java_script_enabled=scripted) as page:
            page.get_by_role("link", name="jellyfin", exact=True).first.click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("jellyfin")
            line = page.locator("table.errors tbody a").first
            pattern = line.inner_text()
            line.click()
            expect(page.get_by_role("heading", level=1)).to_have_text(pattern)
            page.get_by_role("link", name="jellyfin", exact=True).click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("jellyfin")
            page.go_back()
            page.go_back()
            page.go_back()
            expect(page.get_by_role("heading", level=1)).to_have_text("Installations")

    def test_every_bar_of_the_errors_page_leads_deeper(self, visit: Open, scripted: bool) -> None:
        with visit("/errors?days=0", java_script_enabled=scripted) as page:
            links = page.locator("main tbody a")
            addresses = {str(link.get_attribute("href")) for link in links.all()}
            for kind in ("by=category", "by=exit_code", "by=error", "by=os", "by=pve", "/scripts/"):
                found = [address for address in sorted(addresses) if kind in address]
                assert found, kind
                page.goto(found[0])
                assert page.locator("h1").count() == 1
                expect(page.locator("text=too few installations")).to_have_count(0)

    def test_scripts_are_searched_sorted_and_paged(self, visit: Open, scripted: bool) -> None:
        with visit("/scripts?days=0", exact=True, java_script_enabled=scripted) as page:
            first = page.locator("table.scripts tbody th a").first.inner_text()
            page.get_by_role("link", name="Next", exact=True).click()
            expect(page).to_have_url(re.compile("page=2"))
            assert page.locator("table.scripts tbody th a").first.inner_text() != first
            page.get_by_role("link", name="Previous").click()
            assert page.locator("table.scripts tbody th a").first.inner_text() == first
            page.get_by_role("link", name="Script", exact=True).click()
            names = page.locator("table.scripts tbody th").all_inner_texts()
            assert names == sorted(names)
            page.get_by_label("Find").fill("jelly")
            page.get_by_role("button", name="Show").click()
            expect(page).to_have_url(re.compile("q=jelly"))
            assert page.locator("table.scripts tbody th").all_inner_texts() == ["jellyfin"]

    def test_a_bar_leads_to_the_days_since(self, visit: Open, scripted: bool) -> None:
        with visit("/", java_script_enabled=scripted) as page:
            page.locator(".area a").nth(20).dispatch_event("click")
            expect(page).to_have_url(re.compile("days=10"))

    def test_single_installations(self, visit: Open, scripted: bool) -> None:
        with visit("/records?days=30", exact=True, java_script_enabled=scripted) as page:
            page.locator("select[name=status]").select_option("failed")
            page.get_by_role("button", name="Show").click()
            expect(page).to_have_url(re.compile("status=failed"))
            page.locator("summary").first.click()
            expect(page.locator(".timeline").first).to_be_visible()
            first = page.locator("table.records tbody tr").first.inner_text()
            page.get_by_role("link", name="Next page").click()
            assert page.locator("table.records tbody tr").first.inner_text() != first
            page.get_by_role("link", name="First page").click()
            assert page.locator("table.records tbody tr").first.inner_text().startswith(first[:19])
            with page.expect_download() as download:
                page.get_by_role("link", name=re.compile("as CSV")).click()
            assert download.value.suggested_filename == "installations.csv"


def _installations(page: Page) -> int:
    return int(page.locator(".figure b").first.inner_text().replace(",", ""))


class TestComfort:
    """What JavaScript adds."""

    def test_a_table_is_sorted_by_a_click_on_its_head(self, visit: Open) -> None:
        with visit("/errors?days=0") as page:
            table = page.locator("table[data-sort]")
            table.get_by_role("button", name="failure rate").click()
            expect(table.locator("thead th").nth(4)).to_have_attribute("aria-sort", "descending")
            rates = [
                float(text.split()[0]) for text in table.locator("tbody td:nth-child(5)").all_inner_texts() if text[0].isdigit()
            ]
            assert rates == sorted(rates, reverse=True)
            table.get_by_role("button", name="Script").click()
            names = table.locator("tbody th").all_inner_texts()
            assert names == sorted(names)

    def test_the_badge_is_copied(self, visit: Open, live: Live) -> None:
        with visit("/scripts/jellyfin", permissions=["clipboard-read", "clipboard-write"]) as page:
            page.get_by_role("button", name="Copy").click()
            expect(page.get_by_role("button", name="Copied")).to_be_visible()
            assert f"({live.url}/badge/jellyfin.svg)" in page.evaluate("navigator.clipboard.readText()")

    def test_updates_come_by_themselves_until_they_are_paused(self, visit: Open, live: Live) -> None:
        with visit("/") as page:
            page.clock.install()
            page.reload()
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.resource_type))
            with page.expect_response(lambda response: response.url.rstrip("/") == live.url):
                page.clock.run_for(61_000)
            page.get_by_role("button", name="Pause updates").click()
            before = len(asked)
            page.clock.run_for(200_000)
            assert len(asked) == before
            expect(page.get_by_role("button", name="Resume updates")).to_be_visible()

    def test_keyboard_alone_reaches_content_and_links(self, visit: Open) -> None:
        with visit("/") as page:
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
            page.keyboard.press("Enter")
            page.keyboard.press("Tab")
            focused = page.evaluate("[document.activeElement.textContent, getComputedStyle(document.activeElement).outlineStyle]")
            assert focused == ["Today", "solid"]
