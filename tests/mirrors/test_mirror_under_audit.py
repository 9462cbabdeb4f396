"""What an audit sees of a real PocketBase: its columns and its oldest record, without changing anything."""

import asyncio

import pytest

from pocketbase_server import COLLECTION, EMAIL, PASSWORD, PocketBaseServer
from telemetry_service.bootstrap.auditing import mirrored
from telemetry_service.bootstrap.mirroring import pocketbase as mirror_of
from telemetry_service.jobs.audit import CannotLook
from telemetry_service.mirrors.collection import columns
from telemetry_service.settings import from_environ


def test_columns_and_the_oldest_record(pocketbase: PocketBaseServer) -> None:
    settings = from_environ({"POCKETBASE_URL": pocketbase.url, "POCKETBASE_EMAIL": EMAIL, "POCKETBASE_PASSWORD": PASSWORD})
    with pytest.raises(CannotLook, match="missing"):
        mirrored(settings)

    async def make() -> None:
        mirror = mirror_of(settings)
        await mirror.ensure(columns(include_random_id=False, extended_fields=frozenset()), set())
        mirror.close()

    asyncio.run(make())
    found = mirrored(settings)
    assert found.columns == found.declared
    assert found.oldest == ""
    for created in ("2026-02-01 00:00:00.000Z", "2025-12-24 00:00:00.000Z"):
        pocketbase.good("POST", f"/api/collections/{COLLECTION}/records", {"created": created})
    fields = [*pocketbase.collection()["fields"], {"name": "hostname", "type": "text"}]
    pocketbase.good("PATCH", f"/api/collections/{COLLECTION}", {"fields": fields})
    found = mirrored(settings)
    assert found.columns - found.declared == {"hostname"}
    assert found.oldest == "2025-12-24 00:00:00.000Z"


def test_nobody_there() -> None:
    with pytest.raises(CannotLook, match="PocketBase does not work"):
        mirrored(from_environ({"POCKETBASE_URL": "http://127.0.0.1:9", "POCKETBASE_TOKEN": "x"}))
