"""The record of processing of a data directory, beside a running service or without one."""

from contextlib import closing

import msgspec

from telemetry_service.bootstrap.assembly import now
from telemetry_service.core.record import Document, Proved, markdown, record
from telemetry_service.settings import Settings
from telemetry_service.settings.declared import in_force
from telemetry_service.store import store
from telemetry_service.store.database import connect, has_tables
from telemetry_service.store.revisions import proved


def record_text(settings: Settings, form: str) -> str:
    """The record as `md`, `json` or `html`, as the settings now are. Without data it has no history yet; nothing is written.

    Raises `StoreUnavailable`.
    """
    document = record(in_force(settings), _proved(settings))
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
    return _page(settings, document) if form == "html" else markdown(document)


def _proved(settings: Settings) -> Proved:
    path = settings.data_dir / store.FILE_NAME
    if not path.exists():
        return Proved()
    with closing(connect(path, read_only=True)) as connection:
        return proved(connection) if has_tables(connection, "record_revision", "audit") else Proved()


def _page(settings: Settings, document: Document) -> str:
    from telemetry_service.web.pages import Pages
    from telemetry_service.web.site import OnePage

    return Pages(settings).fill("record.html", "record", {}, OnePage(now()), document=document)
