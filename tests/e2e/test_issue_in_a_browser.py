"""An admin opens issues from the pages: logs in, presses the button, and finds the issue on GitHub's side."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from github_server import TOKEN, GitHubServer
from live import Live, running
from telemetry_service.store import tokens
from telemetry_service.store.directory import identities

BUTTON = "Open an issue on GitHub"


@pytest.fixture(scope="module")
def github() -> Iterator[GitHubServer]:
    with GitHubServer() as found:
        yield found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, github: GitHubServer) -> Iterator[Live]:
    settings = {"GITHUB_API_URL": github.url, "GITHUB_OWNER": "owner", "GITHUB_REPO": "repo", "GITHUB_TOKEN": TOKEN}
    demo = ("--installations", "3000", "--days", "40", "--seed", "1")
    with running(tmp_path_factory.mktemp("issues"), demo, **settings) as found:
        yield found


@pytest.fixture(scope="module")
def secret(service: Live) -> str:
    now = time.time_ns() // 1000
    return tokens.create(service.directory, identities(service.directory), scope="admin", name="admin", now=now)


@pytest.fixture(params=[True, False], ids=["scripted", "plain"])
def page(request: pytest.FixtureRequest, browser: Browser, service: Live, github: GitHubServer, secret: str) -> Iterator[Page]:
    """A browser with the session of an admin, with and without JavaScript; it speaks to nobody but the service."""
    github.issues.clear()
    github.comments.clear()
    context = browser.new_context(base_url=service.url, java_script_enabled=request.param)
    context.set_default_timeout(30_000)
    found = context.new_page()
    wrong: list[str] = []
    found.on("pageerror", lambda error: wrong.append(str(error)))
    found.on("request", lambda asked: None if asked.url.startswith(service.url + "/") else wrong.append(asked.url))
    found.goto("/scripts/jellyfin")
    expect(found.get_by_role("button", name=BUTTON)).to_have_count(0)  # nobody yet
    found.get_by_role("link", name="Log in").click()
    found.get_by_label("Token").fill(secret)
    found.get_by_role("button", name="Log in").click()
    yield found
    context.close()
    assert wrong == []


def test_from_the_page_of_a_script_once_and_then_as_a_comment(page: Page, github: GitHubServer) -> None:
    expect(page.get_by_role("heading", level=1)).to_contain_text("jellyfin")  # logging in leads back
    page.get_by_role("button", name=BUTTON).click()
    expect(page.get_by_role("heading", name="The issue is open")).to_be_visible()
    expect(page.get_by_role("link", name="https://github.test/1")).to_have_attribute("href", "https://github.test/1")
    (issue,) = github.issues
    assert issue["title"].startswith("jellyfin: ")
    assert github.comments == {}
    page.get_by_role("link", name="jellyfin").click()
    page.get_by_role("button", name=BUTTON).click()
    expect(page.get_by_role("heading", name="There is an open issue already")).to_be_visible()
    assert len(github.issues) == 1
    assert [len(said) for said in github.comments.values()] == [1]


def test_from_the_page_of_an_error_line(page: Page, github: GitHubServer) -> None:
    page.goto("/errors")
    line = page.locator("table.errors th.line a").first
    said = line.inner_text()
    line.click()
    page.get_by_role("button", name=BUTTON).click()
    expect(page.get_by_role("heading", name="The issue is open")).to_be_visible()
    assert [issue["title"] for issue in github.issues] == [said]
    page.get_by_role("link", name=said).click()
    expect(page.get_by_role("button", name=BUTTON)).to_be_visible()


def test_what_github_refuses_is_said_on_a_page(page: Page, github: GitHubServer) -> None:
    github.fault = (403, {})
    try:
        page.get_by_role("button", name=BUTTON).click()
        expect(page.get_by_text("Issues: read and write")).to_be_visible()
    finally:
        github.fault = None
    assert github.issues == []
