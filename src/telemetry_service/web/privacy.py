"""Rights of the person (Art. 15 and 17 GDPR): what is stored under a random id, and its erasure, over HTTP and as a page.

Nothing but the id is asked for. No cookie and no session is looked at, so a foreign page gains nothing by making somebody's
browser post here: it would have to know the id, and who knows it may do all this without that browser. Only guesses could be
spread over many networks that way, so what a browser says comes from another site is refused.

An erasure is answered in the same bytes whether anything was stored or not. Ids are in no URL, log, label or error.
"""

import asyncio
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.errors import Rejected
from telemetry_service.core.fields import BY_NAME
from telemetry_service.core.intake import Person
from telemetry_service.core.own_data import Erased, OwnData, deleted_on, own_installation, shown_uuid
from telemetry_service.core.period import iso_day
from telemetry_service.store.person import held_under, waiting_of
from telemetry_service.store.reading import Reader
from telemetry_service.web.auth import Denied
from telemetry_service.web.cache import TooManyReads
from telemetry_service.web.guard import FORM_TYPE, MAX_FORM_BYTES, MAX_FORM_FIELDS
from telemetry_service.web.limits import TokenBuckets
from telemetry_service.web.page_handlers import PageHandlers
from telemetry_service.web.parts import Parts
from telemetry_service.web.site import LiveSite

PRIVATE = {"cache-control": "no-store"}
GUESSABLE_SHARE = 5  # ids of seconds and the like can be counted through: a fifth of the questions are left for them
AT_ONCE_MINUTES = 2  # an administrator who erases a whole machine asks for many at once
NOT_SURE = "Tick the box to say that it is to be erased for good."
BODY: dict[str, Any] = {
    "type": "object",
    "required": ["random_id"],
    "properties": {
        "random_id": {"type": "string", "description": "as it was reported; need not be a UUID"},
        "nsapp": {"type": "string", "description": "of ids that begin with tool- or addon-: the app that was reported"},
        "type": {"type": "string", "description": "of the same ids: the type", "enum": list(BY_NAME["type"].values)},
    },
}


class Erasing(msgspec.Struct, frozen=True):
    """What is answered to every erasure that is on disk."""

    status: str
    message: str


class Privacy:
    """The handlers."""

    def __init__(self, parts: Parts, pages: PageHandlers) -> None:
        self._parts = parts
        self._pages = pages
        per_minute = parts.settings.rate_limit_privacy_rpm
        guesses = -(-per_minute // GUESSABLE_SHARE)
        self._questions = TokenBuckets(per_minute, per_minute * AT_ONCE_MINUTES)
        self._guesses = TokenBuckets(guesses, guesses * AT_ONCE_MINUTES)
        kept, backups = parts.settings.retention_days, parts.settings.backup_keep_days
        message = (
            "This request is on disk and final. Whatever is stored under this id is deleted within moments, no copy of it is"
            f" left in the files within 7 days, nor in backups of this service after {backups} days, and for {kept} days no"
            " report is stored under it again."
        )
        self._erasing = Erasing("accepted", message)

    async def access(self, request: Request) -> Response:
        person = self._person(request, await _asked(request))
        return _json(200, await self._own_data(person))

    async def erase(self, request: Request) -> Response:
        person = self._person(request, await _asked(request))
        await self._parts.ingest.erase(person.random_id)
        return _json(202, self._erasing)

    async def form(self, _request: Request) -> Response:
        """The page, empty."""
        return self._page(200, {})

    async def act(self, request: Request) -> Response:
        """What a button of the page does."""
        asked = await _asked(request)
        try:
            person = self._person(request, asked)
            if asked.get("do") != "erase":
                return self._page(200, asked, own=await self._own_data(person))
            if asked.get("sure") != "yes":
                return self._page(400, asked, problem=NOT_SURE)
            await self._parts.ingest.erase(person.random_id)
            return self._page(202, {}, erasing=self._erasing)
        except Rejected as error:
            return self._page(400, asked, problem=str(error))
        except TooManyReads as error:
            refused = self._page(429, asked, problem="Too many questions from your network. Wait a moment.")
            refused.headers["retry-after"] = str(int(error.seconds) + 1)
            return refused

    def _person(self, request: Request, asked: Mapping[str, Any]) -> Person:
        """Whom a request is about. Raises `Rejected`, `TooManyReads`, and `Denied` for one that another site makes."""
        if request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            raise Denied(403, "sec-fetch-site: another site must not ask for anybody")
        network, now = self._parts.peers.of(request.scope), time.monotonic()
        self._take(self._questions, network, now)
        person = self._parts.intake.person(asked)
        if not person.is_uuid:
            self._take(self._guesses, network, now)
        return person

    def _take(self, buckets: TokenBuckets, network: bytes, now: float) -> None:
        wait = buckets.take(network, now)
        if wait:
            raise TooManyReads(wait, "too many questions by id from this network")

    async def _own_data(self, person: Person) -> OwnData:
        parts, random_id = self._parts, person.random_id
        found = await asyncio.to_thread(waiting_of, parts.settings.data_dir, random_id)

        def read(reader: Reader) -> OwnData:
            position = reader.position(parts.generation)
            held = held_under(reader.connection, reader.names, parts.identities, random_id, found, position)
            days, erased = parts.settings.retention_days, held.erased_day
            return OwnData(
                random_id=shown_uuid(random_id),
                installations=[
                    own_installation(
                        one,
                        handle=parts.identities.handle(one.execution),
                        is_released=one.execution in held.released,
                        retention_days=days,
                    )
                    for one in held.installations
                ],
                waiting_reports=held.waiting,
                erased=None if erased is None else Erased(iso_day(erased), deleted_on(erased, days)),
            )

        return await parts.readers.run(read)

    def _page(
        self,
        status: int,
        asked: Mapping[str, Any],
        *,
        own: OwnData | None = None,
        erasing: Erasing | None = None,
        problem: str = "",
    ) -> Response:
        shown = self._pages.pages.fill(
            "own_data.html",
            "own_data",
            {},
            LiveSite(self._parts.now()),
            asked={name: str(asked.get(name, "")) for name in BODY["properties"]},
            own=own,
            erasing=erasing,
            problem=problem,
            by_name=BY_NAME,
        )
        return Response(shown, status, PRIVATE, "text/html")


async def _asked(request: Request) -> dict[str, Any]:
    """The members of a JSON object or form that was posted; curl says of JSON, too, that it is a form.

    Raises `Rejected`.
    """
    body = await request.body()
    if len(body) > MAX_FORM_BYTES:
        raise Rejected("body", "larger than any id")
    is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == FORM_TYPE
    asked = _form(body) if is_form and not body.lstrip().startswith(b"{") else _object(body)
    if asked is None:
        raise Rejected("body", "neither a JSON object nor a form")
    return asked


def _form(body: bytes) -> dict[str, Any] | None:
    try:
        return dict(parse_qsl(body.decode("ascii"), max_num_fields=MAX_FORM_FIELDS))
    except ValueError:
        return None


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _json(status: int, answer: msgspec.Struct) -> Response:
    return Response(msgspec.json.encode(answer), status, PRIVATE, "application/json")
