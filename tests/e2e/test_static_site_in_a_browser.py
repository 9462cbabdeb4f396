"""The static site as GitHub shows it: from a plain file server, under the name of a repository."""

import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from running_service import COMMAND


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies in a server's root: the site, in the folder of a repository."""
    root = tmp_path_factory.mktemp("site")
    env = os.environ | {"DATA_DIR": str(root / "data")}
    for command in (("demo", "--installations", "150", "--days", "12"), ("publish", "--to", str(root / "www" / "REPO"))):
        subprocess.run([COMMAND, *command], env=env, check=True, capture_output=True)
    return root / "www"


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("start", ["/REPO/", "/REPO/reports.html", "/REPO/scripts/jellyfin/0.html", "file"])
def test_it_works_wherever_it_lies(browser: Browser, folder: Path, address: str, start: str) -> None:
    base = address if start != "file" else f"file://{folder}"
    page = browser.new_page()
    said: list[str] = []
    asked: list[str] = []
    missing: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.on("response", lambda response: missing.append(response.url) if response.status >= 400 else None)
    page.goto(base + (start if start != "file" else "/REPO/index.html"))
    expect(page.locator("html.has-js")).to_have_count(1)  # the script ran
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).marginTop") == "0px"  # the stylesheet is there
    for name in ("Errors", "Scripts", "Reports", "Privacy", "Overview"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        expect(page.locator("main h1")).to_be_visible()
    page.get_by_role("link", name="All time", exact=True).click()
    page.get_by_role("link", name="jellyfin", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("jellyfin")
    page.close()
    assert (said, missing) == ([], [])
    assert not [url for url in asked if not url.startswith(f"{base}/REPO/") and not url.endswith("/favicon.ico")]


def test_pages_say_themselves_what_they_may_load(browser: Browser, address: str) -> None:
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(f"{address}/REPO/")
    page.evaluate("document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.2:9/x.png' }))")
    page.evaluate("fetch('site.json').catch(() => 0)")
    page.close()
    assert len([text for text in refused if "Content Security Policy" in text]) >= 2
