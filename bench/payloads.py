"""Requests as the scripts send them: about 900 bytes, every one with ids of its own."""

import json
import random
import secrets
from collections.abc import Iterator

APPS = 450
SHAPES = 600  # distinct payloads, before their ids
ID_STEP = 0x9E3779B1  # odd, so that multiples of it run through all 32-bit numbers: ids differ, and not only at the end
LOG_LINE = "E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing? "


def requests(seed: int = 1) -> Iterator[bytes]:
    """Endless HTTP requests; each is one execution of its own, ended."""
    shapes = _shapes(seed)
    tail = secrets.token_hex(10)
    ids = f"-{tail[:4]}-4{tail[4:7]}-8{tail[7:10]}-{tail[8:20]}".encode()
    number = secrets.randbits(32)
    while True:
        for before, between, after in shapes:
            number = (number + ID_STEP) & 0xFFFFFFFF
            unique = b"%08x" % number + ids
            yield before + unique + between + unique[::-1].replace(b"-", b"") + after


def _shapes(seed: int) -> list[tuple[bytes, bytes, bytes]]:
    chance = random.Random(seed)
    return [_split(_request(_payload(chance))) for _ in range(SHAPES)]


def _split(request: bytes) -> tuple[bytes, bytes, bytes]:
    before, rest = request.split(b"R" * 36)
    between, after = rest.split(b"E" * 32)
    return before, between, after


def _request(payload: dict[str, object]) -> bytes:
    body = json.dumps(payload).encode()
    head = (
        "POST /telemetry HTTP/1.1\r\nHost: telemetry.example:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _payload(chance: random.Random) -> dict[str, object]:
    status = chance.choices(("success", "failed", "aborted"), (85, 12, 3))[0]
    app = min(int(chance.paretovariate(0.7)) - 1, APPS - 1)
    os_type, os_version = chance.choice((("debian", "12"), ("debian", "13"), ("ubuntu", "24.04"), ("alpine", "3.22")))
    error = {"success": "", "aborted": "user cancelled"}.get(status, LOG_LINE)
    payload: dict[str, object] = {
        "random_id": "R" * 36,
        "execution_id": "E" * 32,
        "type": chance.choices(("lxc", "vm", "addon"), (88, 7, 5))[0],
        "nsapp": f"application-{app}",
        "status": status,
        "ct_type": chance.choice((1, 1, 1, 2)),
        "disk_size": chance.choice((2, 4, 8, 16, 32)),
        "core_count": chance.choice((1, 2, 4, 8)),
        "ram_size": chance.choice((512, 1024, 2048, 4096, 8192)),
        "os_type": os_type,
        "os_version": os_version,
        "pve_version": chance.choice(("8.4.1", "8.4.14", "9.0.3", "9.1.1")),
        "method": chance.choice(("default", "default", "advanced", "mydefaults-app")),
        "error": error,
        "exit_code": {"success": 0, "aborted": 130}.get(status, chance.choice((1, 100, 127, 137, 243))),
        "error_category": "" if status == "success" else "unknown",
        "install_duration": int(chance.lognormvariate(5.2, 0.7)) + 1,
        "cpu_vendor": chance.choice(("intel", "intel", "amd")),
        "cpu_model": chance.choice(("Intel(R) Core(TM) i5-10400 CPU @ 2.90GHz", "AMD Ryzen 7 5700G with Radeon Graphics")),
        "gpu_vendor": chance.choice(("intel", "nvidia", "unknown")),
        "gpu_model": chance.choice(("UHD Graphics 630", "GA106 [GeForce RTX 3060]")),
        "gpu_passthrough": chance.choice(("igpu", "none", "unknown")),
        "ram_speed": chance.choice(("2666", "3200", "4800")),
        "arch": chance.choices(("amd64", "arm64"), (95, 5))[0],
        "has_arm": False,
        "platform": "pve",
        "repo_source": "ProxmoxVE",
        "repo_slug": "community-scripts/ProxmoxVE",
    }
    payload["a_field_of_newer_clients"] = "x" * max(0, 860 - len(json.dumps(payload)))
    return payload
