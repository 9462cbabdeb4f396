"""A full disk: reports are refused and nothing is half-written; when there is space again everything goes on by itself."""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from campaign import Campaign
from stored_data import StoredData

from running_service import Service, post_all, report, wait_until
from small_disk import fill, make_room, mounted

NewService = Callable[..., Service]
DISK_MB = 12


class SmallDisk:
    """A service whose data is on a file system of a few megabytes, and a ballast that fills it."""

    def __init__(self, service: Service, path: Path) -> None:
        self.service = service
        self.path = path

    @property
    def stored(self) -> StoredData:
        return StoredData(self.path / "data")

    def fill(self, leave_bytes: int = 0) -> None:
        """Fill the disk but for some bytes."""
        fill(self.path, leave_bytes)

    def make_room(self) -> None:
        make_room(self.path)


@pytest.fixture
def small_disk(new_service: NewService, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "disk", DISK_MB, request):
        service = new_service(DATA_DIR=str(tmp_path / "disk" / "data"))
        yield SmallDisk(service.start(), tmp_path / "disk")
        if not service.ended:
            service.kill()


def test_a_full_disk_and_space_again(small_disk: SmallDisk) -> None:
    service, stored, client = small_disk.service, small_disk.stored, small_disk.service.client()
    worker = service.worker_pid
    before = [report() for _ in range(200)]
    assert {answer.status for answer in post_all(service, before)} == {202}
    stored.wait_until_emptied()  # so that the worker does not begin on a full disk

    small_disk.fill()
    while_full: list[tuple[UUID, int]] = []

    def refused() -> bool:
        payload = report()
        answer = client.post(payload)
        while_full.append((UUID(payload["random_id"]), answer.status))
        if answer.status == 503:
            assert int(answer.headers["retry-after"]) >= 1
            assert "disk" not in answer.text  # what is wrong with the server is for its operator
        return answer.status == 503

    wait_until(refused, "a refusal")
    many = [report() for _ in range(300)]
    answers = post_all(service, many)
    assert {answer.status for answer in answers} <= {202, 503}
    while_full += [(UUID(payload["random_id"]), answer.status) for payload, answer in zip(many, answers, strict=True)]
    health = client.send("GET", "/healthz")
    assert (health.status, "disk" in health.text) == (503, True)
    assert client.send("GET", "/readyz").status == 503
    assert client.send("GET", "/api/dashboard").status in (200, 503)

    small_disk.make_room()
    wait_until(lambda: client.send("GET", "/healthz").status == 200, "health without any new report")
    after = [report() for _ in range(200)]
    assert {answer.status for answer in post_all(service, after)} == {202}
    assert (service.worker_pid, service.ended) == (worker, False)

    stored.wait_until_emptied()
    acknowledged = {UUID(payload["random_id"]) for payload in (*before, *after)}
    acknowledged |= {random_id for random_id, status in while_full if status == 202}
    assert stored.installations().keys() == acknowledged  # of what was refused nothing is there
    stored.check_counted_once()
    wait_until(lambda: client.send("GET", "/readyz").status == 200, "the service to be ready")
    assert service.stop() == 0


def test_a_disk_too_full_for_the_fold(small_disk: SmallDisk) -> None:
    service, stored = small_disk.service, small_disk.stored
    worker = service.worker_pid
    first = report()
    assert service.client().post(first).status == 202
    stored.wait_until_emptied()
    service.pause_worker()
    backlog = [report(nsapp=f"app-{number % 40}", disk_size=number, ram_size=number) for number in range(1500)]
    assert {answer.status for answer in post_all(service, backlog)} == {202}
    small_disk.fill()
    service.resume_worker()
    wait_until(lambda: "fold.waiting" in service.log, "the fold to find the disk full")
    assert len(stored.installations()) in (1, 1501)  # all of a batch or nothing
    small_disk.make_room()
    wait_until(lambda: "fold.resumed" in service.log, "the fold to go on")
    stored.wait_until_emptied()
    assert stored.installations().keys() == {UUID(payload["random_id"]) for payload in (first, *backlog)}
    stored.check_counted_once()
    assert (service.worker_pid, service.ended) == (worker, False)
    assert service.log.count("fold.waiting") == 1  # said once, not at every attempt
    assert service.stop() == 0


def test_a_disk_that_fills_and_empties_under_load(small_disk: SmallDisk) -> None:
    dice = random.Random(random.getrandbits(64))
    campaign, settled = Campaign(dice), threading.Event()

    def ebb_and_flow() -> None:
        for _ in range(3):
            small_disk.fill(dice.choice((0, 0, 4096, 100_000)))
            settled.wait(dice.uniform(0.1, 0.9))
            small_disk.make_room()
            settled.wait(dice.uniform(0.1, 0.9))

    campaign.load_during(small_disk.service, 50, ebb_and_flow)
    campaign.check(small_disk.stored)
    recount = small_disk.service.command("recount")
    assert recount.returncode == 0, recount.stdout


def test_a_command_on_a_full_disk_says_so(small_disk: SmallDisk) -> None:
    small_disk.fill()
    finished = small_disk.service.command("token", "create", "--scope", "read", "--name", "x")
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    assert len(finished.stderr.splitlines()) == 1
