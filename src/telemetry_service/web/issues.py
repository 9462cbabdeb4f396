"""Issues on GitHub about a script or an error line, for an admin: by `POST /api/github/create-issue`, and by a button."""

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.channels.github import GitHubFailed, github, repository
from telemetry_service.core import issue_text
from telemetry_service.core.errors import Rejected
from telemetry_service.core.issue_text import IssueText
from telemetry_service.core.period import day_of, iso_day, period
from telemetry_service.core.reports.view import View
from telemetry_service.store.issues import KnownIssue, remember
from telemetry_service.store.reports import Reports
from telemetry_service.web.guard import form_of
from telemetry_service.web.page_handlers import PageHandlers
from telemetry_service.web.pages import NO_PART, NO_SCRIPT, NoSuchPage
from telemetry_service.web.parts import Parts
from telemetry_service.web.site import DEFAULT_DAYS, LiveSite

EXIT_CODES = range(256)


class IssueRequest(msgspec.Struct, frozen=True):
    """What is asked for. `error_text` and `failure_rate` are ignored: an issue says what is published."""

    app_name: str = ""
    title: str = ""
    body: str = ""
    labels: list[str] = []
    exit_code: int | str | None = None
    failure_rate: Any = None
    error_text: Any = None
    line: str = ""


BODY = msgspec.json.schema_components([IssueRequest])[1]["IssueRequest"]


class IssueAnswer(msgspec.Struct, frozen=True):
    """`created` is false where an open issue was there already, and got a comment instead."""

    success: bool
    issue_url: str
    created: bool


class NoRepository(Exception):
    """It is not known where issues go."""


class IssueHandlers:
    """The two handlers."""

    def __init__(self, parts: Parts, pages: PageHandlers) -> None:
        self._parts = parts
        self._pages = pages
        self._github = github(parts.settings)
        self._one_by_one = asyncio.Lock()  # what was asked for twice at once is found the second time

    async def create(self, request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body(), type=IssueRequest)
        except msgspec.DecodeError:
            raise Rejected("body", "not a JSON object of the fields that /openapi.json names") from None
        answer = await self._issue(asked)
        return Response(msgspec.json.encode(answer), 200, {"cache-control": "no-store"}, "application/json")

    async def by_button(self, request: Request) -> Response:
        """The same from a form of ours, answered with a page."""
        form = await form_of(request)
        asked = IssueRequest(app_name=form.get("app_name", ""), line=form.get("line", ""))
        answer, site = await self._issue(asked), LiveSite(self._parts.now())
        shown = self._pages.pages.fill("issue.html", "issue", {}, site, answer=answer, about=asked, caller=request.state.caller)
        return Response(shown, 200, {"cache-control": "no-store"}, "text/html")

    async def _issue(self, asked: IssueRequest) -> IssueAnswer:
        text = await self._text(asked)
        settings = self._parts.settings
        if not repository(settings):
            raise NoRepository("GITHUB_OWNER, GITHUB_REPO and GITHUB_TOKEN must be set to open issues")
        async with self._one_by_one:
            found = await self._github.find(text.fingerprint)
            created = found is None
            if found is None:
                found = await self._github.create(text.fingerprint, text.title, text.body, text.labels)
            else:
                await self._github.comment(found.number, text.comment)
        if not found.html_url.startswith(("https://", "http://")):
            raise GitHubFailed("GITHUB_API_URL answers with something else than GitHub's API")
        known = KnownIssue(text.fingerprint, text.app, repository(settings), found.number, found.html_url, self._parts.now())
        await asyncio.to_thread(remember, settings.data_dir, known)
        return IssueAnswer(True, found.html_url, created)

    async def _text(self, asked: IssueRequest) -> IssueText:
        if not asked.app_name.strip() and not asked.line:
            raise Rejected("app_name", "missing")
        if len(asked.labels) > issue_text.MAX_LABELS:
            raise Rejected("labels", f"more than {issue_text.MAX_LABELS}")
        exit_code = _exit_code(asked.exit_code)
        title, note, *labels = await asyncio.to_thread(
            lambda: [
                self._cleaned(" ".join(asked.title.split()), issue_text.MAX_TITLE),
                self._cleaned(asked.body, issue_text.MAX_NOTE),
                *(self._cleaned(" ".join(label.split()), issue_text.MAX_LABEL) for label in asked.labels),
            ]
        )
        today = day_of(self._parts.now())
        view = View(period=period(DEFAULT_DAYS, today), sources=self._parts.sources.of_repository("all"), exact=False)
        options: dict[str, Any] = {
            "title": title,
            "note": note,
            "labels": [label for label in labels if label],
            "days": f"{DEFAULT_DAYS} days up to {iso_day(today)}",
        }
        url = self._parts.settings.public_url

        def read(reports: Reports) -> IssueText:
            if asked.line:
                part = reports.part(view, "error", asked.line)
                if part is None:
                    raise NoSuchPage(NO_PART)
                return issue_text.of_line(part, url, **options)
            script = reports.script(view, asked.app_name.strip().lower())
            if script is None:
                raise NoSuchPage(NO_SCRIPT)
            return issue_text.of_script(script, exit_code, url, **options)

        return await self._parts.readers.run(lambda reader: read(self._parts.reports(reader)))

    def _cleaned(self, text: str, limit: int) -> str:
        """Words of a person as an error line is cleaned: issues are public."""
        if not text.strip():
            return ""
        scrubber = self._parts.intake.scrubber()
        return scrubber.gate(scrubber.scrub(text[: 4 * limit]).text)[:limit].strip()


def _exit_code(given: int | str | None) -> int | None:
    if given is None or given == "":
        return None
    try:
        code = int(given)
    except ValueError:
        code = -1
    if code not in EXIT_CODES:
        raise Rejected("exit_code", "not a whole number from 0 to 255")
    return code
