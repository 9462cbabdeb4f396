"""A real browser, a real service with demo data, and pages that are watched while they load."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opening import Open
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from live import Live, running

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with running(tmp_path_factory.mktemp("browser"), ("--installations", "5000", "--days", "45", "--seed", "1")) as found:
        yield found


@pytest.fixture(scope="module")  # an event loop runs as long as it is open, which no other test must find
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    assert path, "no chromium here; make browser installs it"
    with sync_playwright() as playwright:
        # Its sandbox needs privileges that containers lack; the only pages it opens are ours.
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def visit(browser: Browser, live: Live) -> Open:
    """Opens pages; whatever the console says, and any request that leaves the origin, fails the test."""

    @contextmanager
    def opened(path: str, *, exact: bool = False, width: int = 1440, silent: bool = True, **options: Any) -> Iterator[Page]:
        headers = {"authorization": f"Bearer {live.token}"} if exact else {}
        context = browser.new_context(
            base_url=live.url, viewport={"width": width, "height": 900}, extra_http_headers=headers, **options
        )
        context.set_default_timeout(30_000)  # a loaded machine is slow, not wrong
        said: list[str] = []
        asked: list[str] = []

        def hear(message: ConsoleMessage) -> None:
            said.append(message.text)

        def note(request: Request) -> None:
            asked.append(request.url)

        page = context.new_page()
        page.on("console", hear)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", note)
        page.goto(path)
        yield page
        context.close()
        assert not [url for url in asked if not url.startswith(live.url + "/")]
        if silent:
            assert said == []

    return opened


@pytest.fixture
def shots() -> Path | None:
    """Where tests leave screenshots to be looked at: the directory that SHOTS names, if it names one."""
    if "SHOTS" not in os.environ:
        return None
    found = Path(os.environ["SHOTS"])
    found.mkdir(parents=True, exist_ok=True)
    return found
