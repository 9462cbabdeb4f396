"""Issues on a server that behaves as GitHub's API does: found before they are opened, and every error said in our words."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from github_server import TOKEN, GitHubServer
from telemetry_service.channels.channel import ChannelFailed
from telemetry_service.channels.github import GitHub, GitHubFailed, marker
from telemetry_service.channels.issue_comments import IssueComments
from telemetry_service.core.messages import Message
from telemetry_service.settings import Secret
from telemetry_service.store.outbox import Delivery

T = TypeVar("T")


class Clock:
    at = 1_790_000_000.0

    def __call__(self) -> float:
        return self.at


def github(server: GitHubServer, token: str = TOKEN, owner: str = "owner", clock: Callable[[], float] | None = None) -> GitHub:
    return GitHub(server.url, owner, "repo", Secret(token), clock or Clock())


def run(asked: Awaitable[T]) -> T:
    async def asking() -> T:
        return await asked

    return asyncio.run(asking())


def test_opened_and_found_again() -> None:
    with GitHubServer() as server:
        assert run(github(server).find("abc")) is None
        created = run(github(server).create("abc", "It breaks", "Rates", ["telemetry", "bug"]))
        assert (created.number, created.html_url) == (1, "https://github.test/1")
        assert server.issues[0]["labels"] == ["telemetry", "bug"]
        assert run(github(server).find("abc")) == created
        assert run(github(server).find("ab")) is None


def test_found_on_the_last_of_many_pages_and_only_an_open_issue() -> None:
    with GitHubServer(page=3) as server:
        server.add(marker("abc"), state="closed")
        wanted = server.add(f"text {marker('abc')}")
        for number in range(10):
            server.add("" if number % 2 else f"another {number}")
        server.add(marker("abc"), pull_request={"url": "x"})
        found = run(github(server).find("abc"))
        assert found is not None
        assert found.number == wanted
        assert len(server.asked) == 4
        assert all(asked.startswith("GET /repos/owner/repo/issues?") for asked in server.asked)


def test_an_answer_that_never_came_opens_nothing_twice() -> None:
    with GitHubServer() as server:
        server.cut = 1
        with pytest.raises(GitHubFailed):
            run(github(server).create("abc", "t", "b", []))
        assert run(github(server).find("abc")) is not None


def test_what_is_said_under_an_issue_once() -> None:
    with GitHubServer(page=2) as server:
        number = server.add("x")
        server.comments[number] = ["one", "two", "three"]
        channel = IssueComments(lambda: github(server))
        delivery = Delivery(1, "github", "key", "comment", Message(str(number), "Fix verified", ""), 0, False, 0)
        server.cut = 1
        with pytest.raises(ChannelFailed):
            channel.send(delivery, lambda: None)
        channel.send(delivery, lambda: None)
        assert [text.partition("\n")[0] for text in server.comments[number]] == ["one", "two", "three", "Fix verified"]


def test_labels_of_gitea_are_numbers() -> None:
    with GitHubServer(base="/api/v1", page=1) as server:
        server.labels = ["bug", "Telemetry"]
        run(github(server).create("abc", "t", "b", ["telemetry", "unknown"]))
        assert server.issues[0]["labels"] == [71]


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "Issues: read and write"),
        (404, "no repository"),
        (410, "turned off"),
        (422, "title and labels"),
        (301, "has moved"),
        (500, "status 500"),
        (302, "has moved"),
    ],
)
def test_errors_say_what_to_do(status: int, reason: str) -> None:
    with GitHubServer() as server:
        server.fault = (status, {})
        with pytest.raises(GitHubFailed, match=reason) as caught:
            run(github(server).create("abc", "t", "b", []))
        assert caught.value.wait_seconds is None
        assert TOKEN not in str(caught.value)


def test_a_token_that_is_not_valid_and_a_repository_that_is_not_there() -> None:
    with GitHubServer() as server:
        with pytest.raises(GitHubFailed, match="GITHUB_TOKEN is refused"):
            run(github(server, token="other").find("abc"))
        with pytest.raises(GitHubFailed, match="GITHUB_OWNER/GITHUB_REPO"):
            run(github(server, owner="nobody").find("abc"))
    with pytest.raises(GitHubFailed, match="cannot be reached"):
        run(github(server).find("abc"))


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"retry-after": "7"}, 7.0),
        (403, {"retry-after": "30"}, 30.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1790000090"}, 90.0),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1789999999"}, 1.0),
        (429, {}, 60.0),
        (429, {"retry-after": "999999"}, 3600.0),
    ],
)
def test_rate_limits_are_kept_to(status: int, headers: dict[str, str], wait: float) -> None:
    with GitHubServer() as server:
        clock = Clock()
        asking = github(server, clock=clock)
        server.fault = (status, headers)
        with pytest.raises(GitHubFailed, match="rate limit") as caught:
            run(asking.find("abc"))
        assert caught.value.wait_seconds == wait
        server.fault = None
        clock.at += wait / 2
        with pytest.raises(GitHubFailed, match="rate limit"):
            run(asking.find("abc"))
        assert len(server.asked) == 1  # it was not even asked
        clock.at += wait
        assert run(asking.find("abc")) is None


def test_what_is_no_github() -> None:
    with GitHubServer() as server:
        server.fault = (200, {})
        with pytest.raises(GitHubFailed, match="something else"):
            run(github(server).find("abc"))
