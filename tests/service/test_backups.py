"""Backup and restore as an operator does them: while reports come in, and after the worst has happened."""

import random
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
from campaign import Campaign
from stored_data import StoredData

from running_service import Service, post_all, report


def ids(payloads: list[dict[str, Any]]) -> set[UUID]:
    return {UUID(payload["random_id"]) for payload in payloads}


def test_a_backup_made_under_load_is_restored_and_goes_on(new_service: Any, tmp_path: Path) -> None:
    service, folder = new_service().start(), tmp_path / "backups"
    campaign = Campaign(random.Random(random.getrandbits(64)))
    campaign.load_during(service, 200, lambda: None)
    before = {random_id for random_id, sent in campaign.sent.items() if sent.acknowledged}
    done = []
    campaign.load_during(service, 100, lambda: done.append(service.command("backup", str(folder))))
    assert done[0].returncode == 0, done[0].stderr
    assert "opened and checked" in done[0].stdout
    assert "delete it yourself by" in done[0].stdout
    (backup,) = folder.iterdir()
    service.kill()
    shutil.rmtree(service.data)  # the disk is lost
    restored = service.command("restore", str(backup))
    assert restored.returncode == 0, restored.stderr
    stored = StoredData(service.data)
    service.start()
    after = [report() for _ in range(40)]
    assert {answer.status for answer in post_all(service, after)} == {202}
    stored.wait_until_folded()
    assert before | ids(after) <= stored.installations().keys()
    stored.check_counted_once()
    assert service.command("recount").returncode == 0


def test_a_day_in_the_life_of_backups(new_service: Any) -> None:
    service: Service = new_service().start()
    kept, erased, lost = ([report() for _ in range(5)] for _ in range(3))
    post_all(service, kept + erased)
    stored = StoredData(service.data)
    stored.wait_until_folded()
    made = service.command("backup")
    assert "is deleted by the service on" in made.stdout
    (backup,) = (service.data / "backups").iterdir()
    client = service.client()
    for payload in erased[:3]:
        assert client.send("POST", "/api/privacy/erase", msgspec.json.encode({"random_id": payload["random_id"]})).status == 202
    stored.wait_until_folded()
    service.pause_worker()  # so that two wait
    for payload in erased[3:]:
        assert client.send("POST", "/api/privacy/erase", msgspec.json.encode({"random_id": payload["random_id"]})).status == 202
    post_all(service, lost)
    refused = service.command("restore", "--replace", str(backup))
    assert refused.returncode == 1
    assert "another service or command uses this data directory" in refused.stderr
    service.kill()
    assert "With --replace" in service.command("restore", str(backup)).stderr
    restored = service.command("restore", "--replace", str(backup))
    assert restored.returncode == 0, restored.stderr
    assert "5 ids were erased after it" in restored.stdout
    service.start()
    newer = [report(random_id=str(uuid4())) for _ in range(5)]
    post_all(service, newer)
    stored.wait_until_folded()
    assert stored.installations().keys() == ids(kept + newer)
    stored.check_counted_once()
    assert service.command("recount").returncode == 0
    assert backup.is_dir()  # the backups survive it
