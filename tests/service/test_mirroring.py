"""The running service with a mirror: reports come first, and PocketBase gets everything in the end."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from stored_data import STORE, opened

from pocketbase_server import COLLECTION, EMAIL, PASSWORD, NewPocketBase, PocketBaseServer
from running_service import Service, post_all, report, wait_until
from telemetry_service.core.identity import Identities
from telemetry_service.jobs.importing import MIRRORED as LEFT_OUT

NewService = Callable[..., Service]


def mirrored_to(pocketbase: PocketBaseServer, password: str = PASSWORD) -> dict[str, str]:
    return {"POCKETBASE_URL": pocketbase.url, "POCKETBASE_EMAIL": EMAIL, "POCKETBASE_PASSWORD": password}


def expected_ids(service: Service) -> set[str]:
    ids = Identities(bytes.fromhex((service.data / "secret.key").read_text().strip()))
    with opened(service.data / STORE) as connection:
        return {ids.mirrored(execution) for (execution,) in connection.execute("SELECT execution FROM installation")}


def ids_there(pocketbase: PocketBaseServer) -> list[str]:
    try:
        return [record["id"] for record in pocketbase.records()]
    except AssertionError:
        return []  # there is no collection yet


def wait_until_mirrored(service: Service, pocketbase: PocketBaseServer, n: int) -> None:
    wait_until(lambda: len(ids_there(pocketbase)) == n, f"{n} records in PocketBase")
    assert set(ids_there(pocketbase)) == expected_ids(service)


def test_reports_arrive(new_service: NewService, pocketbase: PocketBaseServer) -> None:
    service = new_service(**mirrored_to(pocketbase)).start()
    assert {answer.status for answer in post_all(service, [report() for _ in range(50)])} == {202}
    wait_until_mirrored(service, pocketbase, 50)
    metrics = service.client().send("GET", "/metrics").text
    assert "telemetry_mirror_working 1.0" in metrics
    assert "telemetry_mirror_set_aside 0.0" in metrics
    assert EMAIL not in service.log
    assert PASSWORD not in service.log
    assert service.stop() == 0


def test_pocketbase_is_down_and_nobody_notices(new_service: NewService, new_pocketbase: NewPocketBase) -> None:
    pocketbase = new_pocketbase()
    service = new_service(**mirrored_to(pocketbase)).start()
    assert {answer.status for answer in post_all(service, [report() for _ in range(60)])} == {202}
    client = service.client()

    def degraded() -> bool:
        ready = client.send("GET", "/readyz")
        assert ready.status == 200  # reports are stored and counted all the same
        return "PocketBase does not work" in ready.text

    wait_until(degraded, "the mirror's trouble to show")
    wait_until(lambda: "telemetry_mirror_waiting 60.0" in client.send("GET", "/metrics").text, "the backlog to show")
    assert "telemetry_mirror_working 0.0" in client.send("GET", "/metrics").text
    said = service.command("mirror", "status").stdout
    assert "60 installations wait" in said
    assert "cannot be reached" in said
    token = service.command("token", "create", "--scope", "admin", "--name", "x").stdout.split()[-1]
    page = client.send("GET", "/runs", headers={"Authorization": f"Bearer {token}", "Accept": "text/html"}).text
    assert "60 installations wait to be mirrored" in page
    assert "cannot be reached" in page
    service.kill()
    pocketbase.start()
    service.start()
    assert {answer.status for answer in post_all(service, [report() for _ in range(20)])} == {202}
    wait_until_mirrored(service, pocketbase, 80)
    ready = json.loads(service.client().send("GET", "/readyz").text)
    assert (ready["status"], ready["degraded"]) == ("ok", [])


def test_killed_again_and_again(new_service: NewService, pocketbase: PocketBaseServer) -> None:
    service = new_service(**mirrored_to(pocketbase)).start()
    for number in range(3):
        assert {answer.status for answer in post_all(service, [report() for _ in range(300)])} == {202}
        wait_until(lambda least=number * 300 + 20: len(ids_there(pocketbase)) > least, "some records")
        service.kill()
        pocketbase.kill()
        pocketbase.start()
        service.start()
    wait_until_mirrored(service, pocketbase, 900)


def test_a_secret_in_a_file_that_is_wrong(new_service: NewService, pocketbase: PocketBaseServer, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("not the password")
    settings = mirrored_to(pocketbase)
    del settings["POCKETBASE_PASSWORD"]
    service = new_service(**settings, POCKETBASE_PASSWORD_FILE=str(secret)).start()
    client = service.client()
    wait_until(lambda: "does not accept POCKETBASE_EMAIL" in client.send("GET", "/readyz").text, "it to be said")
    assert "not the password" not in service.log


class TestImportedAgain:
    """A collection that the service really mirrored to, ids of clients and all: what could be doubled most easily."""

    MIRRORED, STRANGERS = 12, 3

    @pytest.fixture
    def service(self, new_service: NewService, pocketbase: PocketBaseServer) -> Service:
        service = new_service(**mirrored_to(pocketbase), POCKETBASE_INCLUDE_RANDOM_ID="true").start()
        assert {answer.status for answer in post_all(service, [report() for _ in range(self.MIRRORED)])} == {202}
        wait_until_mirrored(service, pocketbase, self.MIRRORED)
        return service

    def test_nothing_is_doubled(self, service: Service, pocketbase: PocketBaseServer) -> None:
        place = ("import", "pocketbase", "--url", pocketbase.url, "--json")
        done = service.command(*place)
        assert (done.returncode, json.loads(done.stdout)) == (1, {"read": self.MIRRORED, LEFT_OUT: self.MIRRORED})
        assert "this is the mirror of this service" in done.stderr
        for _ in range(self.STRANGERS):
            stranger = report(nsapp="immich") | {"created": "2026-01-01 00:00:00.000Z"}
            pocketbase.good("POST", f"/api/collections/{COLLECTION}/records", stranger)
        counts = json.loads(service.command("import", "pocketbase", "--data", f"{pocketbase.folder}/data.db", "--json").stdout)
        assert (counts[LEFT_OUT], sum(counts.values())) == (self.MIRRORED, 2 * (self.MIRRORED + self.STRANGERS))
        assert len(expected_ids(service)) == self.MIRRORED + counts["taken"]
        assert service.recount() == []

    def test_elsewhere_everything_counts_once(
        self, service: Service, new_service: NewService, pocketbase: PocketBaseServer
    ) -> None:
        other = new_service()
        for kept, gained in ((self.MIRRORED, "taken"), (self.MIRRORED, "merged")):
            counts = json.loads(other.command("import", "pocketbase", "--data", f"{pocketbase.folder}/data.db", "--json").stdout)
            assert counts[gained] == kept == counts["read"]
        assert len(expected_ids(other)) == self.MIRRORED
        same_key = new_service()
        same_key.data.mkdir()
        shutil.copy(service.data / "secret.key", same_key.data)
        done = same_key.command("import", "pocketbase", "--data", f"{pocketbase.folder}/data.db", "--json")
        assert (done.returncode, expected_ids(same_key)) == (1, set())


@pytest.mark.parametrize("command", ["status", "retry", "resend"])
def test_commands_without_data_say_so(new_service: NewService, command: str) -> None:
    done = new_service().command("mirror", command)
    assert (done.returncode, "there is no data in" in done.stderr) == (1, True)
