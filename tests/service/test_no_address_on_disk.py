"""Nothing that names a person or a network is written anywhere: not to the data, not to a log, not on an error."""

import contextlib
import gzip
import random
import re
import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import msgspec
from stored_data import StoredData

from running_service import PATIENCE_SECONDS, Client, Service, report

NewService = Callable[..., Service]
SOURCES = ("127.0.0.2", "127.0.0.3", "127.0.33.44", "127.254.200.17")
PROXY = "127.0.0.9"
OWN_LINE = re.compile(r".*event='listening' address='http://127\.0\.0\.1:\d+' dashboard='http://127\.0\.0\.1:\d+/[a-z/]*'")
TEXTS = {
    "unknown field": "canaryfield",
    "unknown field's name": "canaryname",
    "error": "canaryerror",
    "cpu_model": "CanaryCPU",
    "gpu_model": "CanaryGPU",
    "ram_speed": "CanaryRAM",
    "random_id": "tool-1699999999123",
    "execution_id": "canary-execution-id",
    "status": "canarystatus",
    "os_type": "canaryos",
    "repo_slug": "canaryowner/scripts",
    "repo_source": "canarysource",
    "nsapp": "203.0.113.201",
    "number": "98765432109",
    "header": "canaryheader",
    "token": "canarytoken",
    "path": "canarypath",
    "query": "canaryquery",
    "request line": "CANARYLINE",
    "refused": "canaryrefused",
}


def canary_addresses(dice: random.Random) -> list[IPv4Address | IPv6Address]:
    """Addresses of nobody, that no file holds by chance."""
    v4 = [IPv4Address(f"{net}.{dice.randint(100, 255)}") for net in ("198.51.100", "203.0.113", "192.0.2") for _ in range(3)]
    v6 = [IPv6Address((0x20010DB8 << 96) + dice.getrandbits(96)) for _ in range(5)]
    return [*v4, *v6]


def spellings(address: IPv4Address | IPv6Address) -> set[bytes]:
    """The ways in which an address could be written down, its /64 included."""
    spelt = {str(address).encode(), address.exploded.encode(), address.packed.hex().encode(), str(address).encode("utf-16-le")}
    if isinstance(address, IPv6Address):
        return spelt | {address.packed, address.packed[:8], address.packed[:8].hex().encode()}
    return spelt | ({address.packed} if not address.is_loopback else set())


def post_everything(client: Client, address: str) -> set[int]:
    """Good and bad reports, each with this address in every place that could keep it; the statuses that came."""
    headers = {"X-Forwarded-For": address, "X-Real-IP": address, "Forwarded": f"for={address}", "User-Agent": TEXTS["header"]}
    headers |= {"Authorization": f"Bearer {TEXTS['token']}", "Referer": f"http://{address}/", "Cookie": TEXTS["header"]}
    text = f"exit_code=1 | failed to reach {address} {TEXTS['error']}\n---\ncurl: (7) Failed to connect to {address}"
    payloads: list[bytes] = [
        msgspec.json.encode(payload)
        for payload in (
            report(status="failed", exit_code=1, error=text, cpu_model=TEXTS["cpu_model"], gpu_model=TEXTS["gpu_model"]),
            report(status="aborted", exit_code=130, error=text, ram_speed=TEXTS["ram_speed"], execution_id=TEXTS["execution_id"]),
            report(type="tool", random_id=TEXTS["random_id"], hostname=TEXTS["unknown field"], ip=address),
            report(**{TEXTS["unknown field's name"]: address, "os_version": address, "method": address, "pve_version": address}),
            report(
                status=TEXTS["status"], os_type=TEXTS["os_type"], repo_slug=TEXTS["repo_slug"], repo_source=TEXTS["repo_source"]
            ),
            report(disk_size=TEXTS["number"], core_count=f"{address}", error={"a": TEXTS["error"]}),
            report(nsapp=TEXTS["nsapp"]),
            report(nsapp=address),
            report(type=TEXTS["refused"]),
            report(random_id=[TEXTS["refused"]]),
            [TEXTS["refused"], address],
        )
    ]
    payloads += [payloads[0][:-40], payloads[0].replace(b'"', b'\\"'), b"\xff" + text.encode(), b"{" * 100 + text.encode()]
    statuses = {client.post(payload, headers).status for payload in payloads}
    statuses.add(client.post(gzip.compress(payloads[0])[:-10], headers | {"Content-Encoding": "gzip"}).status)
    statuses.add(client.post(payloads[0], headers | {"Content-Encoding": TEXTS["header"]}).status)
    statuses.add(client.post(payloads[0] + b" " * 300_000, headers).status)
    for path in (
        f"/{TEXTS['path']}/{address}",
        f"/api/dashboard?days={TEXTS['query']}",
        f"/api/scripts/{address}",
        "/api/records",
    ):
        statuses.add(client.send("GET", path, headers=headers).status)
    statuses.add(client.send("DELETE", "/telemetry", headers=headers).status)
    return statuses


def send_malformed(service: Service, source: str, address: str) -> None:
    """What is no HTTP, and what breaks off."""
    for sent in (
        f"{TEXTS['request line']} {address}\r\n\r\n",
        f"GET /{address}\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        f"POST /telemetry HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\nContent-Length: x\r\n\r\n",
        f'POST /telemetry HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {address}\r\nContent-Length: 100\r\n\r\n{{"error": "{address}',
        f"POST /telemetry HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{address}\r\n",
    ):
        with socket.create_connection(service.address, PATIENCE_SECONDS, (source, 0)) as connection, contextlib.suppress(OSError):
            connection.sendall(sent.encode())
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


def everything_written(service: Service) -> dict[Path, bytes]:
    """Every file below the home of the service, so its data, temporary files and logs, but for the line of its own address."""
    written = {path: path.read_bytes() for path in service.root.rglob("*") if path.is_file()}
    log = written[service.stderr].decode()
    own = [line for line in log.splitlines() if OWN_LINE.fullmatch(line)]
    assert len(own) == 1, log
    written[service.stderr] = log.replace(own[0], "").encode()
    return written


def test_no_address_and_no_dropped_value_is_written(new_service: NewService) -> None:
    dice = random.Random(random.getrandbits(64))
    canaries = canary_addresses(dice)
    settings = {"RATE_LIMIT_RPM": "60", "RATE_BURST": "25", "TRUSTED_PROXIES_CIDR": PROXY, "RATE_KEY_MODE": "ip"}
    service = new_service(**settings).start()
    statuses = set()
    for address in canaries:
        statuses |= post_everything(service.client(PROXY), str(address))
        statuses |= post_everything(service.client(dice.choice(SOURCES)), str(address))
        send_malformed(service, dice.choice(SOURCES), str(address))
    assert {202, 400, 401, 404, 405, 413, 429} <= statuses
    assert not {status for status in statuses if status >= 500}
    StoredData(service.data).wait_until_folded()
    running = everything_written(service)
    assert service.stop() == 0
    stopped = everything_written(service)
    assert {path.name for path in stopped} >= {"inbox.sqlite", "store.sqlite", "secret.key", "stderr.log", "stdout.log"}

    forbidden = {text: {text.encode(), text.lower().encode()} for text in TEXTS.values()}
    for address in [*canaries, *map(ip_address, (*SOURCES, PROXY, "127.0.0.1"))]:
        forbidden[str(address)] = spellings(address)
    found = [
        (path.name, what)
        for written in (running, stopped)
        for path, content in written.items()
        for what, spelt in forbidden.items()
        if any(bytes_ in content or bytes_ in content.lower() for bytes_ in spelt)
    ]
    assert found == []
    assert any(b"jellyfin" in content for content in stopped.values())  # the search does find what is there


def test_operators_may_store_more(new_service: NewService) -> None:
    """The other side of it: what EXTENDED_FIELDS names is kept, and only that."""
    service = new_service(EXTENDED_FIELDS="cpu_model").start()
    service.client().post(report(cpu_model=TEXTS["cpu_model"], gpu_model=TEXTS["gpu_model"]))
    StoredData(service.data).wait_until_folded()
    (installation,) = StoredData(service.data).installations().values()
    assert installation["cpu_model"] == TEXTS["cpu_model"]
    assert not any(TEXTS["gpu_model"].encode() in content for content in everything_written(service).values())
