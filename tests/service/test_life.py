"""Starting, stopping, restarting, and what goes on while the service runs."""

import json
import os
import random
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from campaign import Campaign
from stored_data import StoredData

from running_service import PATIENCE_SECONDS, STOP_SECONDS, Client, Service, post_all, report, wait_until
from telemetry_service.core.event import Event, decode_event, encode_event
from telemetry_service.store.inbox import Inbox, InboxReader

NewService = Callable[..., Service]
HOUR, DAY = 3_600_000_000, 86_400_000_000  # microseconds


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def create_token(service: Service, scope: str, name: str) -> str:
    created = service.command("token", "create", "--scope", scope, "--name", name)
    assert created.returncode == 0, created.stderr
    token = created.stdout.splitlines()[-1]
    assert " " not in token
    return token


# Stopping


def test_stopped_under_load(service: Service) -> None:
    campaign = Campaign(random.Random(random.getrandbits(64)))
    statuses: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        campaign.load_during(service, 200, lambda number=number: statuses.append(service.stop(number)))  # type: ignore[misc]
        service.start()
    assert statuses == [0, 0]
    assert "server.error" not in service.log
    campaign.check(StoredData(service.data))
    assert service.command("recount").returncode == 0


def test_stopped_although_clients_hang_on(service: Service) -> None:
    beginnings = (
        b"",
        b"POST /tele",
        b"POST /telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    )
    with ExitStack() as stack:
        for beginning in beginnings * 5:
            stack.enter_context(socket.create_connection(service.address, PATIENCE_SECONDS)).sendall(beginning)
        assert service.client().post(report()).status == 202
        assert service.stop() == 0
    service.may_fail = True  # it may say that it did not wait for them


def test_who_is_under_way_when_it_stops_is_stored_or_told_to_come_again(service: Service) -> None:
    in_time, late = (json.dumps(report()).encode() for _ in range(2))
    with ExitStack() as stack:
        quick, slow, idle = (stack.enter_context(socket.create_connection(service.address, PATIENCE_SECONDS)) for _ in range(3))
        for connection, body in ((quick, in_time), (slow, late)):
            connection.sendall(b"POST /telemetry HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body[:-1])
        assert service.client().post(report()).status == 202  # so the others have arrived too
        os.kill(service.pid, signal.SIGTERM)
        assert idle.recv(100) == b""  # it stops
        quick.sendall(in_time[-1:])
        answered = quick.makefile("rb").read()
        assert answered.startswith(b"HTTP/1.1 202"), answered
        refused = slow.makefile("rb").read()
        assert refused.startswith(b"HTTP/1.1 503"), refused
        assert b"retry-after: " in refused
        assert b"connection: close" in refused
        assert service.wait(STOP_SECONDS) == 0
    service.may_fail = True  # it says that it did not wait for one
    assert "Traceback" not in service.log
    service.start()
    stored = StoredData(service.data)
    stored.wait_until_folded()
    ids = stored.installations().keys()
    assert UUID(json.loads(in_time)["random_id"]) in ids
    assert UUID(json.loads(late)["random_id"]) not in ids


def test_nothing_of_it_runs_after_it_was_stopped_and_its_files_are_for_its_user_alone(service: Service) -> None:
    service.client().post(report())
    StoredData(service.data).wait_until_folded()
    assert service.data.stat().st_mode & 0o077 == 0
    for path in service.data.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path
    worker = service.worker_pid
    assert service.stop() == 0
    assert not Path(f"/proc/{worker}").exists()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(service.address, PATIENCE_SECONDS)


def test_a_restart_goes_on_where_the_fold_stopped(service: Service) -> None:
    stored = StoredData(service.data)
    folded, waiting = [report() for _ in range(60)], [report() for _ in range(60)]
    post_all(service, folded)
    stored.wait_until_emptied()
    service.pause_worker()
    post_all(service, waiting)
    service.kill()
    assert stored.position() < stored.last_seq()
    service.start()
    stored.wait_until_emptied()
    assert stored.position() == stored.last_seq() == 120
    assert stored.installations().keys() == {UUID(payload["random_id"]) for payload in (*folded, *waiting)}
    stored.check_counted_once()


# Starting


def test_a_second_start_on_the_same_data_is_refused(service: Service, new_service: NewService) -> None:
    second = new_service(DATA_DIR=str(service.data))
    second.spawn()
    assert second.wait() == 1
    assert "another service or command uses this data directory" in second.log
    assert len(second.log.splitlines()) == 1
    assert service.client().post(report()).status == 202
    assert service.command("demo", "--installations", "1").returncode == 1
    assert service.stop() == 0
    second.start()


def test_settings_without_effect_are_warned_about(new_service: NewService) -> None:
    service = new_service(ADMIN_PASSWORD="canary", RATE_BURTS="7").start()
    assert "ADMIN_PASSWORD" in service.log
    assert "RATE_BURTS" in service.log
    assert "canary" not in service.log


def test_without_a_host_it_listens_everywhere(new_service: NewService) -> None:
    service = new_service(LISTEN_ADDR=":0").start()
    assert service.address[0] == "localhost"
    for host in ("127.0.0.1", "127.0.0.5", *(["::1"] if socket.has_dualstack_ipv6() else [])):
        client = Client((host, service.address[1]))
        assert client.post(report()).status == 202
        client.close()


# The worker


def test_a_killed_worker_is_started_again_and_readyz_says_so(service: Service) -> None:
    client, stored = service.client(), StoredData(service.data)
    assert client.send("GET", "/readyz").status == 200
    seen = {service.worker_pid}
    for _ in range(2):  # the second start waits for a second
        service.kill(web=False)
        pid = wait_until(lambda: next(iter({service.find_worker()} - seen - {None}), None), "another worker")
        assert pid is not None
        seen.add(pid)
    service.kill(web=False)
    wait_until(lambda: client.send("GET", "/readyz").status == 503, "the loss of the worker to be seen", seconds=4)
    answer = client.send("GET", "/readyz")
    assert answer.status == 503
    assert any("background process" in problem for problem in json.loads(answer.text)["problems"])
    assert client.send("GET", "/healthz").status == 200
    assert client.post(report()).status == 202
    wait_until(lambda: client.send("GET", "/readyz").status == 200, "the service to be ready again")
    stored.wait_until_folded()
    assert len(stored.installations()) == 1
    assert service.log.count("worker.ended") == 3
    metrics = client.send("GET", "/metrics").text
    assert "telemetry_worker_restarts_total 3.0" in metrics
    assert "telemetry_worker_up 1.0" in metrics


# The clock


def events(service: Service) -> list[Event]:
    reader = InboxReader(service.data)
    try:
        return [decode_event(body) for _, body in reader.read(0, 1000)]
    finally:
        reader.close()


@pytest.mark.parametrize(("ahead", "followed"), [(HOUR, True), (10 * DAY, False)], ids=["an hour", "ten days"])
def test_a_clock_that_went_back_while_the_service_was_stopped(new_service: NewService, ahead: int, followed: bool) -> None:
    """Stamps go on behind the newest one, unless that came from a clock that was plainly wrong."""
    service = new_service()
    service.data.mkdir(mode=0o700)
    now = time.time_ns() // 1000
    inbox = Inbox(service.data, max_bytes=1_000_000, now=now)
    stamp = now + ahead
    first = Event(received_at=stamp, random_id=uuid4().bytes, execution=1, status="installing", type="lxc", nsapp="a")
    inbox.commit([encode_event(first)], 0)
    inbox.close()
    service.start()
    service.pause_worker()  # so that the events stay where they can be read
    for _ in range(3):
        assert service.client().post(report()).status == 202
    stamps = [event.received_at for event in events(service) if event.execution != 1]
    assert len(stamps) == 3
    assert stamps == sorted(set(stamps))
    assert (stamps[0] == stamp + 1) == followed
    assert (stamps[0] < now + HOUR) != followed


# Tokens


def test_tokens_are_made_while_the_service_runs(service: Service) -> None:
    client = service.client()
    assert client.send("GET", "/api/records").status == 401
    campaign, tokens = Campaign(random.Random(random.getrandbits(64))), []
    campaign.load_during(service, 50, lambda: tokens.append(create_token(service, "read", "somebody")))
    (token,) = tokens
    answer = client.send("GET", "/api/records", headers=bearer(token))
    assert (answer.status, json.loads(answer.text)["page"]) == (200, 1)
    assert client.send("GET", "/api/records", headers=bearer(token[:-1])).status == 401
    assert client.send("GET", "/api/records", headers=bearer(create_token(service, "ingest", "sender"))).status == 403
    taken = service.command("token", "create", "--scope", "read", "--name", "somebody")
    assert taken.returncode != 0
    assert "Traceback" not in taken.stderr
    assert service.stop() == 0
    assert not any(token.encode() in path.read_bytes() for path in service.root.rglob("*") if path.is_file())
    service.start()
    assert service.client().send("GET", "/api/records", headers=bearer(token)).status == 200


def test_reports_that_need_a_token(new_service: NewService) -> None:
    service = new_service(INGEST_AUTH="token").start()
    client = service.client()
    missing = client.post(report())
    assert (missing.status, missing.headers["www-authenticate"]) == (401, "Bearer")
    assert client.post(report(), bearer("wrong")).status == 401
    assert client.post(report(), bearer(create_token(service, "read", "reader"))).status == 403
    assert client.post(report(), bearer(create_token(service, "ingest", "sender"))).status == 202
    assert client.post(report(), bearer(create_token(service, "admin", "admin"))).status == 202
    StoredData(service.data).wait_until_folded()
    assert len(StoredData(service.data).installations()) == 2
