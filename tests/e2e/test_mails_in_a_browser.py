"""The mails as a browser shows them: nothing to scroll sideways on a phone, and readable on a dark background."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from telemetry_service.core.messages import Message, Notice, compose, said_once
from telemetry_service.core.reports.dashboard import FailedApp
from telemetry_service.core.reports.rates import NO_RATE, Rate
from telemetry_service.core.reports.weekly import (
    AlertWords,
    Difference,
    LineWeek,
    MovedScript,
    RateChange,
    ScriptWeek,
    Total,
    Weekly,
    WeekRow,
)
from telemetry_service.web.mails import report_mail

URL = "https://telemetry.example.org"
LONGEST_NAME, LINE = "a" * 64, "x" * 120
BROKE = Notice(
    "alert:1:opened",
    f"{LONGEST_NAME} (turnkey) broke: 100 % of installations fail, 8 % did before",
    ("Since 2026-11-19 (UTC; between 2026-11-17 and 2026-11-19).", f"Why: {LINE}"),
    f"/scripts/{LONGEST_NAME}",
)
MANY, ALMOST = 123_456, Rate(99.9, 99.8, 100.0)
BETTER, WORSE = Difference(12.5, 10.1, 14.9), Difference(-52.5, -60.1, -44.9)
REPORT = Weekly(
    exact=False,
    step=5,
    week="2026-W47",
    first="2026-11-16",
    last="2026-11-22",
    complete=True,
    totals=[
        Total("Installations", MANY, MANY, Difference(1616.7, 1528.0, 1789.1)),
        Total("Unknown", 0, 0, Difference(None, None, None)),
    ],
    success_rate=RateChange(ALMOST, ALMOST, BETTER),
    daily_stats=[],
    trend=[
        WeekRow(
            f"2026-W{week}", "2026-11-16", "2026-11-22", MANY, MANY - 20_000 * week % MANY, 9_000, Rate(week * 2.0, 1.0, 99.0)
        )
        for week in range(40, 48)
    ],
    broke=[AlertWords(BROKE.title, list(BROKE.lines), BROKE.path)],
    fixed=[],
    worse=[MovedScript(LONGEST_NAME, "turnkey", RateChange(Rate(40.0, 30.0, 50.0), ALMOST, WORSE))],
    better=[MovedScript("nginxproxymanager", "lxc", RateChange(ALMOST, Rate(40.0, 30.0, 50.0), BETTER))],
    top=[
        ScriptWeek("nginxproxymanager", "lxc", MANY, MANY, Rate(80.0, 79.0, 81.0)),
        ScriptWeek(LONGEST_NAME, "vm", 5, 0, NO_RATE),
    ],
    bottom=[FailedApp("homeassistant", "vm", MANY, MANY, 100.0, 99.9, 100.0)],
    new_scripts=[ScriptWeek("paperless-ngx", "lxc", MANY, 0, ALMOST)],
    error_lines=[LineWeek(LINE, MANY, MANY)],
)
FIXED = Notice(
    "alert:1:closed", "jellyfin (lxc) is fixed: 8 % of installations fail, 41 % did", ("Since 2026-11-20 (UTC).",), "/alerts"
)
MAILS = {
    "report": report_mail(REPORT, URL),
    "alert": compose([BROKE], URL),
    "recovery": compose([FIXED], URL),
    "digest": compose([BROKE, FIXED], URL),
    "test": said_once("Test of alerts", "Test", "This is a test."),
}


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_at_every_width_light_and_dark(browser: Browser, shots: Path | None, name: str) -> None:
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme="dark" if scheme == "dark" else "light")
        page.set_content(MAILS[name].html)
        for width in (360, 600, 1200):
            page.set_viewport_size({"width": width, "height": 800})
            if shots:
                page.screenshot(path=shots / f"mail-{name}-{width}-{scheme}.png", full_page=True)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (scheme, width)
        shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert shade == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(18, 22, 27)")
        contrast = Axe().run(page, options={"runOnly": ["color-contrast"], "resultTypes": ["violations"]}).response["violations"]
        assert contrast == [], scheme
        page.close()


def test_no_line_ends_within_a_date_or_before_a_percent_sign(browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 200, "height": 800})
    page.set_content(MAILS["alert"].html)
    kept = page.locator("span[style*=nowrap]").all_inner_texts()
    assert kept == ["100 %", "8 %", "2026-11-19", "2026-11-17", "2026-11-19"]
    page.close()


def test_one_thing_is_not_said_twice_where_the_subject_stands_above_the_text() -> None:
    single: Message = MAILS["recovery"]
    assert single.text == f"Since 2026-11-20 (UTC).\n{URL}/alerts\n"
    assert compose([Notice("1", "only a title", ())], "").text == "only a title\n"
    assert MAILS["digest"].text.count(FIXED.title) == 1
