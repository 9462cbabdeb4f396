"""The mirror writes to a real PocketBase: what is there afterwards, in quiet and after every fault."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faulty_proxy import FaultyProxy
from following import Followed, drained, event, refreshed
from hypothesis import given, settings
from hypothesis import strategies as st

from event_strategies import MIDNIGHT, events
from pocketbase_server import COLLECTION, PocketBaseServer
from stored import IDS, installations
from telemetry_service.core.fields import BY_NAME, Kind
from telemetry_service.core.flat import flat
from telemetry_service.core.installation import Installation
from telemetry_service.jobs.mirror import MAX_UNCLEAR, Mirror
from telemetry_service.mirrors.pocketbase import MisfitCollection, NotAllowed, Trouble
from telemetry_service.store.changes import Changes, begin_anew, retry_set_aside
from telemetry_service.store.database import connect, transaction

NewPocketBase = Callable[..., PocketBaseServer]
MANY = 150  # more than the chunks of all connections


def shown(installation: Installation) -> dict[str, Any]:
    """What PocketBase must show of an installation: it has no empty number, and instants to the millisecond."""
    row = flat(installation)
    numbers = {name for name, field in BY_NAME.items() if field.kind is Kind.INTEGER}
    return {
        name: (0 if name in numbers else "")
        if value is None
        else _millisecond(value)
        if name in ("created", "updated")
        else value
        for name, value in row.items()
        if name not in ("cpu_model", "gpu_model", "ram_speed")
    }


def _millisecond(instant: str) -> str:
    return f"{instant[:10]} {instant[11:23]}Z"


def without_keys(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("id", "collectionId", "collectionName")}


def assert_mirrored(followed: Followed, pocketbase: PocketBaseServer) -> None:
    """Every installation is one record, as it is now; and nothing else is there."""
    expected = {IDS.mirrored(execution): shown(one) for execution, one in installations(followed.directory).items()}
    assert {record["id"]: without_keys(record) for record in pocketbase.records()} == expected
    assert followed.standing.waiting == followed.standing.set_aside == 0


@pytest.fixture
def followed(tmp_path: Path, pocketbase: PocketBaseServer) -> Followed:
    return Followed(tmp_path / "data", pocketbase.url)


class TestQuiet:
    def test_an_installation_is_created_and_then_updated(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.fold([event(1, "installing", os_type="debian", disk_size=8)])
        followed.drain()
        (before,) = pocketbase.records()
        assert (before["status"], before["os_type"], before["disk_size"]) == ("installing", "debian", 8)
        followed.fold([event(1, "failed", MIDNIGHT + 1_000_000, exit_code=7, error="curl: (7) failed", error_category="network")])
        followed.drain()
        (after,) = pocketbase.records()
        assert (after["id"], after["created"]) == (before["id"], before["created"])
        assert (after["status"], after["exit_code"], after["error"]) == ("failed", 7, "curl: (7) failed")
        assert [step["s"] for step in after["pipeline"]] == ["installing", "failed"]
        assert_mirrored(followed, pocketbase)

    def test_the_collection_is_for_superusers_alone(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.fold([event(1)])
        followed.drain()
        (record,) = pocketbase.records()
        for method, path in (("GET", ""), ("GET", f"/{record['id']}"), ("DELETE", f"/{record['id']}"), ("POST", "")):
            assert pocketbase.ask(method, f"/api/collections/{COLLECTION}/records{path}", {}, token="")[0] in (403, 404)
        assert len(pocketbase.records()) == 1
        assert len(pocketbase.collection()["indexes"]) == 3

    def test_ids_do_not_go_along(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.fold([event(77)])
        followed.drain()
        text = repr(pocketbase.records())
        assert "random_id" not in text
        assert "execution" not in text

    def test_the_random_id_goes_along_if_wanted_and_goes_when_it_is_not(
        self, tmp_path: Path, pocketbase: PocketBaseServer
    ) -> None:
        wanted = Followed(tmp_path / "data", pocketbase.url, include_random_id=True)
        wanted.fold([event(77)])
        wanted.drain()
        assert [record["random_id"] for record in pocketbase.records()] == ["00000000-0000-0000-0000-00000000004d"]
        unwanted = Followed(tmp_path / "data", pocketbase.url)
        unwanted.drain()
        assert [record["random_id"] for record in pocketbase.records()] == [""]

    @pytest.mark.parametrize("batch", [0, 7])
    def test_any_events_in_any_steps(self, new_pocketbase: NewPocketBase, batch: int) -> None:
        pocketbase = new_pocketbase().start()
        if batch:
            pocketbase.allow_batches(batch)

        @settings(max_examples=8)
        @given(st.lists(st.lists(events(st.integers(-8, 8)), max_size=12), min_size=1, max_size=4))
        def check(steps: list[list[Any]]) -> None:
            with tempfile.TemporaryDirectory() as name:
                followed = Followed(Path(name) / "data", pocketbase.url)
                for step in steps:
                    followed.fold(step)
                    followed.drain()
                assert_mirrored(followed, pocketbase)

        check()  # each example finds the records of the last one there, and makes them its own

    def test_many_over_several_connections_and_in_batches(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.fold(event(number, "installing") for number in range(MANY))
        followed.drain()
        pocketbase.allow_batches()
        followed.fold(event(number, "success", MIDNIGHT + 5) for number in range(0, 2 * MANY, 2))
        followed.delete(1, 3, 5)
        followed.drain()
        assert_mirrored(followed, pocketbase)


class TestDeletion:
    def test_what_is_deleted_here_is_deleted_there(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.fold(event(number) for number in range(5))
        followed.drain()
        followed.delete(1, 3)
        followed.drain()
        assert len(pocketbase.records()) == 3
        assert_mirrored(followed, pocketbase)
        assert followed.standing.deleted == 2

    def test_a_deletion_counts_once_it_was_read_back(self, tmp_path: Path, pocketbase: PocketBaseServer) -> None:
        with FaultyProxy(pocketbase.port) as proxy:
            followed = Followed(tmp_path / "data", proxy.url)
            followed.fold(event(number) for number in range(5))
            followed.drain()
            followed.delete(1, 3)
            proxy.fail("200", every=1)  # it says so and does not do it
            with pytest.raises(Trouble):
                followed.drain()
            assert (followed.standing.deleted, followed.standing.waiting, len(pocketbase.records())) == (0, 2, 5)
            proxy.fail("", every=0)
            followed.drain()
        assert_mirrored(followed, pocketbase)
        assert followed.standing.deleted == 2

    def test_what_never_got_there_counts_as_deleted(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.fold([event(1), event(2)])
        followed.delete(1)
        followed.drain()
        assert_mirrored(followed, pocketbase)

    def test_what_happened_while_there_was_no_mirror_is_made_good(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.fold(event(number, "installing") for number in range(6))
        followed.drain()
        theirs = pocketbase.good("POST", f"/api/collections/{COLLECTION}/records", {"nsapp": "of somebody else"})
        followed.follow(wanted=False)
        followed.delete(0, 1)
        followed.fold([event(2), event(9)])
        assert followed.standing.waiting == 0  # nothing is recorded, so that nothing grows
        followed.follow(wanted=True)
        followed.drain()
        records = {record["id"]: record for record in pocketbase.records()}
        assert records.pop(theirs["id"])["nsapp"] == "of somebody else"
        assert sorted(records) == followed.ids
        assert records[IDS.mirrored(2)]["status"] == "success"
        assert followed.standing.not_ours == 1


class TestFaults:
    def test_stopped_and_started_again(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        async def scenario(mirror: Mirror) -> None:
            followed.fold([event(1, "installing")])
            await drained(mirror)
            pocketbase.kill()
            followed.fold(event(number) for number in range(MANY))
            with pytest.raises(Trouble, match="PocketBase does not work"):
                await mirror.step()
            assert followed.standing.waiting == MANY
            pocketbase.start()
            await drained(mirror)

        followed.mirror(scenario)
        assert_mirrored(followed, pocketbase)

    @pytest.mark.parametrize("batch", [False, True])
    def test_killed_in_the_middle(self, followed: Followed, pocketbase: PocketBaseServer, batch: bool) -> None:
        if batch:
            pocketbase.allow_batches()

        async def scenario(mirror: Mirror) -> None:
            await mirror.step()
            followed.fold(event(number, "installing") for number in range(600))
            step = asyncio.create_task(mirror.step())
            while pocketbase.good("GET", f"/api/collections/{COLLECTION}/records?perPage=1")["totalItems"] < 20:
                await asyncio.sleep(0.005)
            pocketbase.kill()
            with pytest.raises(Trouble):
                await step
            pocketbase.start()
            await drained(mirror)

        followed.mirror(scenario)
        assert_mirrored(followed, pocketbase)

    def test_the_mirror_dies_before_it_confirms(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.fold(event(number) for number in range(30))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Changes, "confirm", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                followed.drain()
        assert len(pocketbase.records()) == 30
        assert followed.standing.waiting == 30
        followed.fold([event(3, "failed", exit_code=1, received_at=MIDNIGHT - 1), event(31)])
        followed.drain()
        assert_mirrored(followed, pocketbase)

    @pytest.mark.parametrize("batch", [False, True])
    @pytest.mark.parametrize("fault", ["500", "429", "cut", "cut_after", "401"])
    def test_answers_that_pass(self, tmp_path: Path, pocketbase: PocketBaseServer, fault: str, batch: bool) -> None:
        if batch:
            pocketbase.allow_batches(10)
        with FaultyProxy(pocketbase.port) as proxy:
            followed = Followed(tmp_path / "data", proxy.url)

            async def scenario(mirror: Mirror) -> None:
                await mirror.step()
                followed.fold(event(number) for number in range(MANY))
                proxy.fail(fault, every=50 if fault == "401" and not batch else 4)  # each login takes PocketBase a while
                for _ in range(1000):
                    try:
                        if not await mirror.step():
                            break
                    except Trouble as trouble:
                        assert trouble.retry_after_seconds == (7 if fault == "429" else 0)  # noqa: PT017 - of each of many
                assert proxy.failed > 2

            followed.mirror(scenario)
        assert_mirrored(followed, pocketbase)

    def test_a_token_that_expired(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        async def scenario(mirror: Mirror) -> None:
            await mirror.step()
            pocketbase.expire_tokens()
            followed.fold(event(number) for number in range(MANY))
            await drained(mirror)

        followed.mirror(scenario)
        assert_mirrored(followed, pocketbase)

    def test_a_wrong_password_is_said_and_not_shown(self, followed: Followed) -> None:
        followed._login = type(followed._login)("mirror@example.com", "wrong secret", "")
        with pytest.raises(NotAllowed, match="POCKETBASE_EMAIL and POCKETBASE_PASSWORD") as caught:
            followed.drain()
        assert "wrong secret" not in str(caught.value)

    def test_a_token_instead_of_a_password(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed._login = type(followed._login)("", "", pocketbase.login())
        followed.fold([event(1)])
        followed.drain()
        assert_mirrored(followed, pocketbase)
        pocketbase.expire_tokens()
        with pytest.raises(NotAllowed, match="POCKETBASE_TOKEN"):
            followed.drain()


class TestCollectionChangedByHand:
    def test_a_column_that_was_removed(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        async def scenario(mirror: Mirror) -> None:
            followed.fold([event(1, method="advanced")])
            await drained(mirror)
            method = next(field for field in pocketbase.collection()["fields"] if field["name"] == "method")
            pocketbase.change_fields(method=None)
            followed.fold([event(2, method="default")])
            await drained(mirror)  # PocketBase ignores what it has no column for: only looking at it tells
            with pytest.raises(MisfitCollection, match="its column method is missing"):
                await refreshed(mirror).step()
            fields = [*pocketbase.collection()["fields"], {"name": "method", "type": method["type"]}]
            pocketbase.good("PATCH", f"/api/collections/{COLLECTION}", {"fields": fields})
            await drained(refreshed(mirror))

        followed.mirror(scenario)
        assert_mirrored(followed, pocketbase)

    def test_a_column_of_another_type(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.fold([event(1, disk_size=8)])
        followed.drain()
        pocketbase.change_fields(disk_size=None)
        fields = [*pocketbase.collection()["fields"], {"name": "disk_size", "type": "email"}]
        pocketbase.good("PATCH", f"/api/collections/{COLLECTION}", {"fields": fields})
        followed.fold([event(2, disk_size=4)])
        with pytest.raises(MisfitCollection, match="its column disk_size is of type email, and must be number"):
            followed.drain()
        pocketbase.change_fields(disk_size=None)
        fields = [*pocketbase.collection()["fields"], {"name": "disk_size", "type": "number"}]
        pocketbase.good("PATCH", f"/api/collections/{COLLECTION}", {"fields": fields})
        followed.drain()
        assert_mirrored(followed, pocketbase)

    def test_while_records_are_refused_for_it_none_is_set_aside(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        async def scenario(mirror: Mirror) -> None:
            await mirror.step()
            pocketbase.change_fields(type={"values": ["vm"]})
            followed.fold([event(1), event(2, type="vm")])
            with pytest.raises(MisfitCollection, match="its column type does not allow every value"):
                await mirror.step()
            assert followed.standing.set_aside == 0
            assert followed.standing.waiting == 1

        followed.mirror(scenario)

    def test_a_collection_that_anybody_may_read(self, followed: Followed, pocketbase: PocketBaseServer) -> None:
        followed.drain()
        pocketbase.good("PATCH", f"/api/collections/{COLLECTION}", {"listRule": ""})
        followed.fold([event(1)])
        with pytest.raises(MisfitCollection, match="listRule let others in"):
            followed.drain()
        assert pocketbase.records() == []

    def test_a_collection_that_was_deleted_is_made_and_filled_again(
        self, followed: Followed, pocketbase: PocketBaseServer
    ) -> None:
        async def scenario(mirror: Mirror) -> None:
            followed.fold([event(1), event(2)])
            await drained(mirror)
            pocketbase.good("DELETE", f"/api/collections/{COLLECTION}")
            followed.fold([event(3)])
            with pytest.raises(MisfitCollection, match="is missing"):
                await mirror.step()
            await drained(refreshed(mirror))

        followed.mirror(scenario)
        assert_mirrored(followed, pocketbase)

    def test_a_record_that_was_deleted_by_hand_comes_back_when_all_is_sent_again(
        self, followed: Followed, pocketbase: PocketBaseServer
    ) -> None:
        followed.fold([event(1), event(2)])
        followed.drain()
        pocketbase.good("DELETE", f"/api/collections/{COLLECTION}/records/{IDS.mirrored(1)}")
        with connect(followed.directory / "store.sqlite") as connection, transaction(connection):
            begin_anew(connection)
        connection.close()
        followed.drain()
        assert_mirrored(followed, pocketbase)


class TestRefusedForGood:
    @pytest.mark.parametrize("batch", [False, True])
    def test_it_is_set_aside_and_not_in_the_way(self, followed: Followed, pocketbase: PocketBaseServer, batch: bool) -> None:
        if batch:
            pocketbase.allow_batches()
        followed.drain()
        pocketbase.change_fields(nsapp={"max": 8})
        followed.fold([event(number, nsapp="secret-name-of-an-app" if number == 7 else "immich") for number in range(MANY)])
        followed.drain()
        assert len(pocketbase.records()) == MANY - 1
        assert followed.reasons == [("nsapp: validation_max_text_constraint", 1)]
        assert (followed.standing.waiting, followed.standing.problem) == (0, None)
        pocketbase.change_fields(nsapp={"max": 0})
        connection = connect(followed.directory / "store.sqlite")
        assert retry_set_aside(connection, 0) == 1
        connection.close()
        followed.drain()
        assert_mirrored(followed, pocketbase)

    def test_it_is_tried_again_when_it_changes_and_forgotten_when_it_goes(
        self, followed: Followed, pocketbase: PocketBaseServer
    ) -> None:
        followed.drain()
        pocketbase.change_fields(method={"max": 8})
        followed.fold([event(1, "installing", method="much-too-long"), event(2, method="much-too-long")])
        followed.drain()
        assert followed.standing.set_aside == 2
        followed.fold([event(1, "success", MIDNIGHT + 1, method="default")])
        followed.delete(2)
        followed.drain()
        assert_mirrored(followed, pocketbase)

    def test_without_a_reason_it_is_set_aside_only_while_others_get_through(
        self, tmp_path: Path, pocketbase: PocketBaseServer
    ) -> None:
        with FaultyProxy(pocketbase.port) as proxy:
            followed = Followed(tmp_path / "data", proxy.url)
            followed.drain()
            proxy.refuse(IDS.mirrored(1))
            followed.fold([event(1)])
            for _ in range(MAX_UNCLEAR + 1):
                with pytest.raises(Trouble, match="is its disk full"):
                    followed.drain()
            assert followed.standing.set_aside == 0
            followed.fold([event(2)])

            async def scenario(mirror: Mirror) -> None:
                for number in range(MAX_UNCLEAR):
                    followed.fold([event(10 + number)])
                    await mirror.step()

            followed.mirror(scenario)
        assert followed.reasons == [("PocketBase does not say why", 1)]
        assert followed.standing.waiting == 0
