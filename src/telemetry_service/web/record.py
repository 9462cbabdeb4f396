"""The record of processing over HTTP, as a page and JSON, and the page of its last audit: public, without a token."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.record import Document, record
from telemetry_service.settings.declared import in_force
from telemetry_service.store.audits import last_audit
from telemetry_service.store.revisions import proved
from telemetry_service.web.api import JSON, cached
from telemetry_service.web.cache import rendered
from telemetry_service.web.page_handlers import PageHandlers, html
from telemetry_service.web.parts import Parts
from telemetry_service.web.site import LiveSite


class RecordHandlers:
    """The handlers, one per form."""

    def __init__(self, parts: Parts, pages: PageHandlers) -> None:
        self._parts = parts
        self._pages = pages

    async def api(self, request: Request) -> Response:
        async def make() -> bytes:
            return msgspec.json.encode(await self._document())

        network = self._parts.peers.of(request.scope)
        return cached(request, await self._parts.answers.get("record.json", network, make), JSON, exact=False)

    async def page(self, request: Request) -> Response:
        """The page; with a token the menu shows what a token may see, and nothing else differs."""
        exact = request.state.exact

        async def make() -> bytes:
            document = await self._document()
            site = LiveSite(self._parts.now())
            return self._pages.pages.fill("record.html", "record", {}, site, document=document, view={"exact": exact}).encode()

        if exact:
            return html(request, rendered(await make()), exact=True)
        network = self._parts.peers.of(request.scope)
        return html(request, await self._parts.answers.get("record.html", network, make), exact=False)

    async def audit(self, request: Request) -> Response:
        """The last audit; its evidence, which holds exact counts, with a token alone."""
        exact = request.state.exact

        async def make() -> bytes:
            found = await self._parts.readers.run(lambda reader: last_audit(reader.connection))
            site = LiveSite(self._parts.now())
            return self._pages.pages.fill("audit.html", "audit", {}, site, audit=found, view={"exact": exact}).encode()

        if exact:
            return html(request, rendered(await make()), exact=True)
        network = self._parts.peers.of(request.scope)
        return html(request, await self._parts.answers.get("audit.html", network, make), exact=False)

    async def _document(self) -> Document:
        found = await self._parts.readers.run(lambda reader: proved(reader.connection))
        return record(in_force(self._parts.settings), found)
