"""`/login` and `/logout`: a browser trades a token for a session. Works without JavaScript."""

import re
import secrets

from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.web.auth import Caller
from telemetry_service.web.guard import caller_of, form_of
from telemetry_service.web.page_handlers import PageHandlers
from telemetry_service.web.parts import Parts
from telemetry_service.web.sessions import (
    CSRF_FIELD,
    FORM_COOKIE,
    SESSION_COOKIE,
    SESSION_SECONDS,
    Guesses,
    cookie,
    cookie_header,
    same,
)
from telemetry_service.web.site import LiveSite

FORM_SECONDS = 3600.0
LONGEST_NEXT = 500
# A path on this host: a second slash or a backslash would name another one.
_LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*", re.ASCII)


class Login:
    """The three handlers."""

    def __init__(self, parts: Parts, pages: PageHandlers) -> None:
        self._parts = parts
        self._access = parts.access
        self._pages = pages
        self._guesses = Guesses()

    async def form(self, request: Request) -> Response:
        return self._page(request, 200, caller_of(request), _local(request.query_params.get("next", "")))

    def instead(self, request: Request) -> Response:
        """The form in place of a page that needs a token; it leads back to that page."""
        here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        following = _local(here) if request.method == "GET" else ""
        page = self._page(request, 401, None, following, "This page is shown to holders of an access token.")
        page.headers["www-authenticate"] = "Bearer"
        return page

    async def enter(self, request: Request) -> Response:
        form = await form_of(request)
        following = _local(form.get("next", ""))
        if not self._from_our_form(request, form):
            return self._page(request, 403, None, following, "Your browser did not keep the form's cookie. Try again.")
        network = self._parts.peers.of(request.scope)
        wait = self._guesses.take(network)
        if wait:
            refused = self._page(request, 429, None, following, "Too many wrong tokens from your network. Wait a minute.")
            refused.headers["retry-after"] = str(int(wait) + 1)
            return refused
        token = await self._access.token(form.get("token", "").strip())
        if token is None or token.scope == "ingest":
            return self._page(request, 401, None, following, "This token is not valid here.")
        self._guesses.right(network)
        self._access.sessions.close(request.scope["headers"])
        secret = self._access.sessions.open(token.id)
        return _redirect(following or "/", cookie_header(SESSION_COOKIE, secret, SESSION_SECONDS))

    async def leave(self, request: Request) -> Response:
        self._access.sessions.close(request.scope["headers"])
        return _redirect("/login", cookie_header(SESSION_COOKIE, "", 0))

    def _from_our_form(self, request: Request, form: dict[str, str]) -> bool:
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return False
        kept = cookie(request.scope["headers"], FORM_COOKIE)
        return bool(kept) and same(form.get(CSRF_FIELD, ""), self._access.sessions.form_token(kept))

    def _page(self, request: Request, status: int, caller: Caller | None, following: str, problem: str = "") -> Response:
        kept = cookie(request.scope["headers"], FORM_COOKIE) or secrets.token_urlsafe(18)
        page = self._pages.pages.fill(
            "login.html",
            "login",
            {},
            LiveSite(self._parts.now()),
            caller=caller,
            csrf=(caller.csrf or "") if caller else self._access.sessions.form_token(kept),
            following=following,
            problem=problem,
        )
        headers = {"cache-control": "no-store", "set-cookie": cookie_header(FORM_COOKIE, kept, FORM_SECONDS)}
        return Response(page, status, headers, "text/html")


def _local(path: str) -> str:
    """The path if it leads to a page of ours, else nothing."""
    return path if len(path) <= LONGEST_NEXT and _LOCAL_PATH.fullmatch(path) else ""


def _redirect(path: str, set_cookie: str) -> Response:
    return Response(status_code=303, headers={"location": path, "set-cookie": set_cookie, "cache-control": "no-store"})
