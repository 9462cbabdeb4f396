"""Clients that report many installations while the service is killed, and what must be true of the numbers afterwards."""

import http.client
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from stored_data import StoredData

from running_service import Client, Service, wait_until
from telemetry_service.core.installation import RANK

CONNECTIONS = 6
GROUP = 12  # installations whose events arrive mixed up
FIELDS = ("nsapp", "type", "os_type", "os_version", "pve_version", "method", "disk_size", "core_count", "ram_size")
ABSENT = (None, 0, "", "unknown", "-")
APPS = tuple(f"app-{number}" for number in range(30))  # fewer than are kept by name on one day
ENDS = ((), ("success",), ("success",), ("failed",), ("failed", "success"), ("unknown", "failed"), ("aborted",))
NOT_SENT = (OSError, http.client.HTTPException)


@dataclass
class Sent:
    """The events of one installation: how often each was sent, and which were acknowledged."""

    events: list[dict[str, Any]]
    attempted: set[int] = field(default_factory=set)
    acknowledged: set[int] = field(default_factory=set)


class Campaign:
    """Everything that clients sent and were told; installations are made as they are needed."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._lock = threading.Lock()
        self.sent: dict[UUID, Sent] = {}
        self._queue: list[tuple[UUID, int]] = []

    def _next(self) -> tuple[Sent, int]:
        with self._lock:
            if not self._queue:
                for _ in range(GROUP):
                    random_id = UUID(int=self._dice.getrandbits(128), version=4)
                    sent = self.sent[random_id] = Sent(list(_events(self._dice, random_id)))
                    times = [self._dice.choice((1, 1, 1, 2)) for _ in sent.events]
                    self._queue += [(random_id, index) for index, n in enumerate(times) for _ in range(n)]
                self._dice.shuffle(self._queue)
            random_id, index = self._queue.pop()
            return self.sent[random_id], index

    def _report(self, client: Client, sent: Sent, index: int) -> None:
        sent.attempted.add(index)
        answer = client.post(sent.events[index])
        assert answer.status in (202, 503), answer
        if answer.status == 202:
            sent.acknowledged.add(index)

    def load(self, service: Service, until: Callable[[], bool]) -> None:
        """Report over several connections until told to stop; who is cut off gives up on some events, and repeats some."""
        failures: list[Exception] = []

        def run(client: Client, dice: random.Random) -> None:
            try:
                while not until():
                    sent, index = self._next()
                    try:
                        self._report(client, sent, index)
                    except NOT_SENT:
                        if dice.random() < 0.7:
                            with self._lock:
                                self._queue.append((UUID(sent.events[index]["random_id"]), index))
                        time.sleep(0.005)
            except Exception as failure:  # noqa: BLE001 - raised again by the thread that waits for this one
                failures.append(failure)
            finally:
                client.close()

        threads = [
            threading.Thread(target=run, args=(service.client(), random.Random(self._dice.getrandbits(64))))
            for _ in range(CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures

    def load_during(self, service: Service, events: int, then: Callable[[], None]) -> None:
        """Report until so many more events are acknowledged, then do something while reporting goes on, then stop."""
        stopped = threading.Event()
        loading = threading.Thread(target=self.load, args=(service, stopped.is_set))
        wanted = self.acknowledged + events
        loading.start()
        try:
            wait_until(lambda: self.acknowledged >= wanted or not loading.is_alive(), f"{events} events to be acknowledged")
            then()
        finally:
            stopped.set()
            loading.join()

    @property
    def acknowledged(self) -> int:
        """How many events were acknowledged; a repeated one counts once."""
        with self._lock:
            return sum(len(sent.acknowledged) for sent in self.sent.values())

    def check(self, stored: StoredData) -> None:
        """Every acknowledged event shows in its installation; every installation counts once; none was made up."""
        stored.wait_until_folded()
        installations = stored.installations()
        assert installations.keys() <= self.sent.keys()
        for random_id, sent in self.sent.items():
            if sent.acknowledged:
                assert random_id in installations, "acknowledged, but not there"
            if random_id in installations:
                check_installation(installations[random_id], sent)
        stored.check_counted_once()


def check_installation(found: dict[str, Any], sent: Sent) -> None:
    """What was acknowledged is in the installation; what was sent without an answer may be."""
    told = [sent.events[index] for index in sent.acknowledged]
    possible = [sent.events[index] for index in sent.attempted]
    assert found["seen"] <= {event["status"] for event in possible}
    assert {event["status"] for event in told} <= found["seen"]
    assert found["status"] == max(found["seen"], key=RANK.__getitem__)
    for name in FIELDS:
        present = {event.get(name) for event in told} - set(ABSENT)
        if name == "type" and len(present) > 1:
            present -= {"lxc"}
        allowed = present or {event.get(name) for event in possible} | {None}
        assert found[name] in allowed, (name, found[name], allowed)
    ended = next((event for event in possible if event["status"] == found["status"] and "exit_code" in event), {})
    assert found["exit_code"] == ended.get("exit_code")
    assert found["install_duration"] == ended.get("install_duration")


def _events(dice: random.Random, random_id: UUID) -> Iterator[dict[str, Any]]:
    """The events of one execution as clients send them: zeros first, pings from inside the container, one end or several."""
    type_ = dice.choice(("lxc", "lxc", "vm", "turnkey"))
    ids = {"random_id": str(random_id)}
    if dice.random() < 0.8:  # old clients have none
        ids["execution_id"] = str(UUID(int=dice.getrandbits(128), version=4))
    known = ids | {
        "type": type_,
        "nsapp": dice.choice(APPS),
        "os_type": dice.choice(("debian", "ubuntu", "alpine")),
        "os_version": dice.choice(("12", "13", "24.04", "3.20")),
        "pve_version": dice.choice(("8.4", "9.0", "9.1.2")),
        "method": dice.choice(("default", "advanced")),
        "disk_size": dice.randint(1, 64),
        "core_count": dice.randint(1, 8),
        "ram_size": dice.choice((512, 1024, 2048, 4096)),
    }
    nothing_known_yet = {"disk_size": 0, "ram_size": 0, "os_version": "unknown"}
    yield ids | {"type": type_, "nsapp": known["nsapp"], "status": "installing"} | nothing_known_yet
    yield known | {"status": "validation"}
    for _ in range(dice.randint(0, 3)):
        inside = "lxc" if type_ == "turnkey" else type_
        yield ids | {"type": inside, "nsapp": dice.choice(("unknown", known["nsapp"])), "status": "configuring"}
    duration, code = dice.randint(1, 5000), dice.choice((1, 100, 127, 255))
    for status in dice.choice(ENDS):
        exit_code = {"success": 0, "failed": code, "aborted": 130, "unknown": 1}[status]
        yield known | {"status": status, "exit_code": exit_code, "install_duration": duration}
