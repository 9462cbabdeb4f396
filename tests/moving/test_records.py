"""Records read over the address of a real PocketBase: each once, whatever happens to it meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from typing import Any

import pytest
from source_data import row

from pocketbase_server import COLLECTION, EMAIL, PASSWORD, PocketBaseServer
from telemetry_service.core.foreign import ROW_NAMES
from telemetry_service.mirrors.pocketbase import Login, PocketBase
from telemetry_service.mirrors.records import Records
from telemetry_service.mirrors.source import UnusableSource

RECORDS, AT_ONCE = 45, 10
BY_PASSWORD = Login(EMAIL, PASSWORD, "")


def fill(pocketbase: PocketBaseServer, created: str) -> list[str]:
    """Make a collection with records; their ids."""
    fields = [{"name": name, "type": "text"} for name in ("random_id", "type", "nsapp", "status")]
    fields.append({"name": "created", "type": "date"})
    pocketbase.good("POST", "/api/collections", {"name": COLLECTION, "type": "base", "fields": fields})
    records = [row(number) | {"created": created} for number in range(RECORDS)]
    for record in records:
        pocketbase.good("POST", f"/api/collections/{COLLECTION}/records", record)
    return [record["id"] for record in records]


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry_service.mirrors.pocketbase.LISTED_AT_ONCE", AT_ONCE)


def source_at(pocketbase: PocketBaseServer, login: Login = BY_PASSWORD) -> Records:
    return Records(PocketBase(pocketbase.url, COLLECTION, login), COLLECTION, ROW_NAMES)


def ids_of(parcels: Iterator[Any]) -> list[str]:
    return [found["id"] for parcel in parcels for found in parcel.rows]


@pytest.mark.parametrize("created", ["2026-01-01 00:00:00.000Z", ""])
def test_many_of_one_instant(pocketbase: PocketBaseServer, created: str) -> None:
    ids = fill(pocketbase, created)
    with closing(source_at(pocketbase)) as source:
        assert ids_of(islice(source.read(""), RECORDS)) == ids


def test_killed_and_restarted_in_the_middle_and_tokens_expired(pocketbase: PocketBaseServer) -> None:
    ids = fill(pocketbase, "2026-01-01 00:00:00.000Z")
    with closing(source_at(pocketbase)) as source, ThreadPoolExecutor() as pool:
        parcels = source.read("")
        found = ids_of(islice(parcels, 1))
        pocketbase.expire_tokens()
        found += ids_of(islice(parcels, 1))
        pocketbase.kill()
        restarted = pool.submit(pocketbase.start)
        found += ids_of(parcels)
        restarted.result()
    assert found == ids


def test_an_expired_token_is_said_and_reading_goes_on_with_another(pocketbase: PocketBaseServer) -> None:
    ids = fill(pocketbase, "2026-01-01 00:00:00.000Z")
    with closing(source_at(pocketbase, Login("", "", pocketbase.login()))) as source:
        parcels = source.read("")
        first = next(parcels)
        pocketbase.expire_tokens()
        with pytest.raises(UnusableSource, match="POCKETBASE_TOKEN"):
            next(parcels)
    with closing(source_at(pocketbase, Login("", "", pocketbase.login()))) as source:
        assert ids_of(iter([first])) + ids_of(source.read(first.position)) == ids
