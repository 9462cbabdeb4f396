"""Issues on GitHub, GitHub Enterprise or Gitea: found by their fingerprint, opened, and commented on.

The fingerprint stands in the text of an issue, where people do not see it. What was asked and not answered can therefore be
looked up: nothing is opened or said twice, whatever broke.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from telemetry_service.http_client import Answer, Connection, Unreachable
from telemetry_service.settings import Secret, Settings

TIMEOUT_SECONDS = 20.0
PER_PAGE = 100
MAX_PAGES = 50
MAX_WAIT_SECONDS = 3600.0  # a longer one is a clock that is wrong
UNKNOWN_WAIT_SECONDS = 60.0  # GitHub's advice where a limit names no time
GITEA_PATH = "/api/v1"
_HEADERS = {"accept": "application/vnd.github+json", "x-github-api-version": "2022-11-28", "user-agent": "telemetry-service"}
_REASONS = {
    401: "GITHUB_TOKEN is refused: it is not valid, or has ended",
    403: "GITHUB_TOKEN may not write issues there; it needs Issues: read and write",
    404: "there is no repository GITHUB_OWNER/GITHUB_REPO, or GITHUB_TOKEN may not see it",
    410: "issues are turned off in the repository, or this one was deleted",
    422: "the issue is not accepted; check its title and labels",
}
_MOVED = (301, 302, 307, 308)


class GitHubFailed(Exception):
    """What GitHub did not do, in words of ours; `wait_seconds` where it says when to come again."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


class Issue(msgspec.Struct, frozen=True):
    number: int
    html_url: str
    body: str | None = None
    pull_request: Any = None


class _Comment(msgspec.Struct, frozen=True):
    body: str | None = None


class _Label(msgspec.Struct, frozen=True):
    id: int
    name: str


def marker(fingerprint: str) -> str:
    """What tells an issue or comment from others; Markdown does not show it."""
    return f"<!-- telemetry-service {fingerprint} -->"


class GitHub:
    """The issues of one repository; for one task at a time."""

    def __init__(self, api_url: str, owner: str, repo: str, token: Secret, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970, which GitHub's limits are told in."""
        self._connection = Connection(api_url, TIMEOUT_SECONDS, _HEADERS)
        self._prefix = urlsplit(api_url).path.rstrip("/")
        self._base = f"/repos/{quote(owner)}/{quote(repo)}"
        self._token = token
        self._clock = clock
        self._blocked_until = 0.0

    async def find(self, fingerprint: str) -> Issue | None:
        """The open issue of this fingerprint, the oldest if there are several."""
        found: Issue | None = None
        async for issue in self._listed(f"{self._base}/issues?state=open&type=issues", Issue):
            if marker(fingerprint) in (issue.body or "") and issue.pull_request is None:
                found = issue if found is None or issue.number < found.number else found
        return found

    async def create(self, fingerprint: str, title: str, body: str, labels: Sequence[str]) -> Issue:
        """Open an issue. Raises `GitHubFailed`; if no answer came, it may be there all the same, for `find` to find."""
        text = {"title": title, "body": f"{body}\n\n{marker(fingerprint)}\n", "labels": await self._labels(labels)}
        created: Issue = _decoded(await self._send("POST", f"{self._base}/issues", text), Issue)
        return created

    async def comment(self, number: int, text: str, key: str = "") -> None:
        """Say something under an issue, of one key once."""
        path = f"{self._base}/issues/{number}/comments"
        if key:
            async for comment in self._listed(f"{path}?", _Comment):
                if marker(key) in (comment.body or ""):
                    return
            text = f"{text}\n\n{marker(key)}\n"
        await self._send("POST", path, {"body": text})

    async def _labels(self, names: Sequence[str]) -> list[Any]:
        """Labels as they are sent: by name, and to Gitea by the number of those that there are."""
        if not self._prefix.endswith(GITEA_PATH) or not names:
            return list(names)
        wanted = {name.lower() for name in names}
        return [label.id async for label in self._listed(f"{self._base}/labels?", _Label) if label.name.lower() in wanted]

    async def _listed(self, path: str, type_: type[Any]) -> AsyncIterator[Any]:
        """Everything on all pages of a list."""
        following: str | None = f"{path}&per_page={PER_PAGE}&limit={PER_PAGE}"
        for _ in range(MAX_PAGES):
            if following is None:
                return
            answer = await self._send("GET", following)
            for found in _decoded(answer, list[type_]):  # type: ignore[valid-type] # known when it is called
                yield found
            following = self._next(answer)
        raise GitHubFailed(f"the repository has more than {MAX_PAGES * PER_PAGE} entries to look through")

    def _next(self, answer: Answer) -> str | None:
        """The path of the page behind this one; whatever host it names, it is asked for where the token belongs."""
        for part in answer.headers.get("link", "").split(","):
            address, _, relation = part.partition(";")
            if 'rel="next"' in relation:
                url = urlsplit(address.strip().strip("<>"))
                return f"{url.path.removeprefix(self._prefix)}?{url.query}"
        return None

    async def _send(self, method: str, path: str, body: Any = None) -> Answer:
        wait = self._blocked_until - self._clock()
        if wait > 0:
            raise _limited(wait)
        content = b"" if body is None else msgspec.json.encode(body)
        try:
            answer = await self._connection.request(method, path, content, f"Bearer {self._token.reveal()}")
        except Unreachable as error:
            raise GitHubFailed(f"GitHub: {error}") from None
        finally:
            self._connection.close()  # asked seldom: an idle one would be closed by the other side
        if answer.status in (200, 201):
            return answer
        limited = self._limit(answer)
        if limited is not None:
            self._blocked_until = self._clock() + limited
            raise _limited(limited)
        if answer.status in _MOVED:
            raise GitHubFailed("the repository has moved; set GITHUB_OWNER and GITHUB_REPO to where it is now")
        raise GitHubFailed(_REASONS.get(answer.status, f"GitHub does not work now (status {answer.status})"))

    def _limit(self, answer: Answer) -> float | None:
        """How many seconds to wait, where a rate limit is why there is no answer."""
        if answer.status not in (403, 429):
            return None
        if answer.headers.get("retry-after", "").isdecimal():
            return min(float(answer.headers["retry-after"]), MAX_WAIT_SECONDS)
        if answer.headers.get("x-ratelimit-remaining") == "0" and answer.headers.get("x-ratelimit-reset", "").isdecimal():
            return min(max(1.0, float(answer.headers["x-ratelimit-reset"]) - self._clock()), MAX_WAIT_SECONDS)
        return UNKNOWN_WAIT_SECONDS if answer.status == 429 else None


def _limited(seconds: float) -> GitHubFailed:
    return GitHubFailed(f"GitHub's rate limit is used up; try again in {seconds:.0f} seconds", seconds)


def _decoded(answer: Answer, type_: Any) -> Any:
    try:
        return msgspec.json.decode(answer.body, type=type_)
    except msgspec.DecodeError:
        raise GitHubFailed("GITHUB_API_URL answers with something else than GitHub's API") from None


def github(settings: Settings) -> GitHub:
    """The repository of the settings."""
    return GitHub(settings.github_api_url, settings.github_owner, settings.github_repo, settings.github_token)


def repository(settings: Settings) -> str:
    """Where issues go; empty for nowhere."""
    known = settings.github_owner and settings.github_repo and settings.github_token
    return f"{settings.github_api_url} {settings.github_owner}/{settings.github_repo}" if known else ""
