"""A number below k in public: a program asks for everything, again and again while reports arrive, and finds none."""

import random
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from all_routes import rows
from scripts.attacker import files
from scripts.attacker.attack import Attacker
from stored_data import StoredData

from running_service import UNLIMITED, Client, Service, post_all, wait_until
from telemetry_service.core.alerting.alert import Alert, Kind, Recovery, Share, Since, Version
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.store.alerts import close_alert, open_alert
from telemetry_service.store.cells import FACETS, RUNNING_CODES
from telemetry_service.store.database import connect
from telemetry_service.store.store import FILE_NAME
from telemetry_service.web.app import OPENAPI

K = 5
SOURCE = "community-scripts/ProxmoxVE"
NEXT = ("installing", "validation", "configuring")
APPS = ("jellyfin", "immich", "adguard", "docker", "plex", *(f"rare-{number}" for number in range(40)))
POPULARITY = (40, 20, 15, 10, 8, *([1] * 40))
FAILURES: tuple[dict[str, Any], ...] = (
    {"exit_code": 100, "error": "exit_code=100\n---\nE: Unable to correct problems, you have held broken packages."},
    {"exit_code": 137, "error": "exit_code=137\n---\nKilled"},
    {"exit_code": 28, "error": "exit_code=28\n---\ncurl: (28) Connection timed out"},
    {"exit_code": 1},
)


def reports(dice: random.Random) -> Iterator[dict[str, Any]]:
    """Reports without end: popular scripts and rare ones, running and ended, repaired, corrected, sent twice."""
    number = dice.randrange(1 << 60)
    while True:
        number += 1
        one: dict[str, Any] = {
            "random_id": str(UUID(int=number)),
            "execution_id": str(UUID(int=number + (1 << 100))),
            "type": dice.choices(("lxc", "vm", "turnkey", "addon", "tool", "pve"), (60, 8, 4, 4, 4, 2))[0],
            "nsapp": dice.choices(APPS, POPULARITY)[0],
            "os_type": dice.choice(("debian", "debian", "ubuntu", "alpine", "fedora")),
            "os_version": dice.choice(("12", "13", "24.04", "41")),
            "pve_version": dice.choice(("8.4.1", "9.0.3", "9.1.1")),
            "method": dice.choice(("default", "advanced", "mydefaults-app")),
            "core_count": dice.choice((1, 2, 4, 7)),
            "ram_size": dice.choice((512, 1024, 2048)),
            "disk_size": dice.choice((4, 8, 20)),
            "cpu_vendor": dice.choice(("intel", "amd")),
            "gpu_vendor": dice.choice(("intel", "nvidia", "unknown")),
            "gpu_passthrough": dice.choice(("igpu", "dgpu", "none")),
            "repo_source": dice.choices(("ProxmoxVE", "ProxmoxVED", "external"), (80, 10, 10))[0],
        }
        status = dice.choices(("success", "failed", "aborted", "unknown", "configuring"), (60, 18, 8, 4, 10))[0]
        yield one | {"status": dice.choice(NEXT)}
        failure = dice.choice(FAILURES)
        ended = {"success": {"install_duration": dice.randint(20, 2000), "exit_code": 0}, "failed": failure}.get(status, {})
        yield one | {"status": status} | ended
        if status == "failed" and dice.random() < 0.3:
            yield one | {"status": "success", "exit_code": 0, "install_duration": 300}  # repaired in the same execution
        if dice.random() < 0.05:
            yield one | {"status": status} | ended


class Load:
    """Sends reports while it is entered."""

    def __init__(self, service: Service, seed: int) -> None:
        self._client = Client(service.address)
        self._reports = reports(random.Random(seed))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.sent = 0

    def _send(self) -> None:
        while not self._stop.is_set():
            assert self._client.post(next(self._reports)).status == 202
            self.sent += 1
            self._stop.wait(0.002)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a service with some months behind it."""
    service = Service(tmp_path_factory.mktemp("months"))
    assert service.command("demo", "--installations", "800", "--days", "40", "--seed", "3").returncode == 0
    note_alerts(service.data)
    return service.data


def note_alerts(data: Path) -> None:
    """An alert that is open and one that is over, of scripts that are published, made of counts that are not."""
    now = time.time_ns() // 1000
    since = Since(now - 2 * MICROSECONDS_PER_DAY, now - 3 * MICROSECONDS_PER_DAY, now - MICROSECONDS_PER_DAY)
    usual: dict[str, Any] = {
        "kind": Kind.BROKE,
        "source": SOURCE,
        "opened_at": now - MICROSECONDS_PER_DAY,
        "since": since,
        "before": Share(2, 71),
        "after": Share(6, 7),
        "limited_to": (Version("os", "debian 12", Share(6, 6), Share(0, 1)),),
    }
    silent = {"kind": Kind.SILENT, "before": Share(0, 0), "after": Share(0, 0), "expected": 21.3, "limited_to": ()}
    over = {"closed_at": now, "recovery": Recovery(Since(now, now, now), Share(1, 19))}
    with closing(connect(data / FILE_NAME)) as connection:
        published = connection.execute(
            "SELECT DISTINCT text FROM name WHERE kind = 'script' AND text LIKE '% lxc'"
            f" AND id IN (SELECT subject / {FACETS} FROM public_count_day)"
        )
        first, second, *_ = [script for (script,) in published.fetchall()]
        open_alert(connection, Alert(script=first, **usual))
        open_alert(connection, Alert(script=second, **usual | silent))
        number = open_alert(connection, Alert(script=second, **usual))
        assert number is not None
        close_alert(connection, Alert(number=number, script=second, **usual, **over))


@pytest.fixture
def attacked(new_service: Callable[..., Service], months: Path) -> Service:
    service = new_service()
    shutil.copytree(months, service.data)
    return service.start()


def not_asked(data: Path, addresses: Iterable[str]) -> list[str]:
    """The routes that answer without a token and were not asked, but for those that tell everybody the same for ever."""
    paths = [urlsplit(address).path for address in addresses]
    return [
        path
        for (method, path), row in rows(data).items()
        if method == "get" and not row.token_required and path not in ("/static/{name}", OPENAPI.path)
        if not any(re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)), one) for one in paths)
    ]


def test_nobody_learns_of_fewer_than_k(attacked: Service, tmp_path: Path) -> None:
    """JSON, pages, badges, metrics and the files of the site, with all filters, while reports arrive."""
    published = {}
    with Attacker(attacked.address, K, seed=random.randrange(1 << 30)) as attacker, Load(attacked, seed=5) as load:
        for number in range(3):
            attacker.round(each=20, pages=25)
            site = tmp_path / f"site{number}"
            assert attacked.command("publish", "--to", str(site)).returncode == 0
            published[number] = {one.where: one.n for one in files.in_site(site)}
            assert list(files.unexplained_in_site(site)) == []
            assert " broke: " in (site / "alerts.html").read_text("utf-8")
    assert attacker.findings == []
    assert not_asked(attacked.data, attacker.said) == []
    assert load.sent > 200
    assert attacker.read > 10_000
    assert attacker.grown > 20
    assert sum(map(len, published.values())) > 10_000
    assert [(where, n) for told in published.values() for where, n in told.items() if n % K] == []
    assert published[0] != published[2]


def test_the_attacker_would_notice(attacked: Service) -> None:
    """With a token the numbers are exact: the same program finds hundreds of them, in JSON and on pages."""
    token = attacked.command("token", "create", "--scope", "read", "--name", "insider").stdout.split()[-1]
    with Attacker(attacked.address, K, seed=1, token=token) as attacker, Load(attacked, seed=6):
        attacker.round(each=6, pages=12)
    told = [finding.partition(":")[0].partition("?")[0] for finding in attacker.findings]
    assert {"/api/dashboard", "/api/errors", "/api/scripts"} <= set(told)
    assert any(not address.startswith(("/api/", "/metrics")) for address in told)


def _pending(client: Client) -> int:
    found = re.search(r"^telemetry_installs_pending (\d+)", client.send("GET", "/metrics").text, re.M)
    assert found
    return int(found[1])


def _running(data: Path) -> int:
    with closing(sqlite3.connect(f"{(data / FILE_NAME).as_uri()}?mode=ro", uri=True)) as connection:
        row = connection.execute(f"SELECT count(*) FROM installation WHERE status IN ({RUNNING_LIST})").fetchone()
        return int(row[0])


RUNNING_LIST = ",".join(map(str, RUNNING_CODES))
# What a public answer must not depend on, spoiled. Installations under way stay: their number is published as it is, in steps.
SPOILED = (
    "UPDATE count_day SET n = n * 3 + 7",
    "UPDATE count_month SET n = n * 5 + 11",
    "UPDATE public_remainder SET n = (n + 3) % 5",
    "UPDATE name SET first_day = first_day - 3",
    f"DELETE FROM installation WHERE status NOT IN ({RUNNING_LIST})",
    # Other counts that are told in the same words.
    "UPDATE alert SET evidence = json_set(evidence, '$.before', json('{\"part\": 4, \"whole\": 93}'), '$.expected', 33,"
    " '$.after', json('{\"part\": 8, \"whole\": 9}'), '$.limited_to[0].inside.whole', 12) WHERE kind = 'broke'",
    "UPDATE alert SET evidence = json_set(evidence, '$.expected', 33) WHERE kind = 'silent'",
)


def test_public_answers_follow_from_published_counts_alone(attacked: Service, tmp_path: Path) -> None:
    """The same published counts over other exact ones give the same bytes, whatever is asked: nothing else can leak."""
    events = reports(random.Random(9))
    post_all(attacked, [next(events) for _ in range(300)])
    StoredData(attacked.data).wait_until_folded()
    assert attacked.stop() == 0
    said, exact = [], []
    for spoiled in (False, True):
        root = tmp_path / f"spoiled-{spoiled}"
        shutil.copytree(attacked.data, root / "data")
        if spoiled:
            with closing(sqlite3.connect(root / "data" / FILE_NAME)) as connection, connection:
                for statement in SPOILED:
                    connection.execute(statement)
        service = Service(root, **UNLIMITED).start()
        try:
            client = service.client()
            published = _running(root / "data") // K * K
            wait_until(lambda client=client, n=published: _pending(client) == n, "the gauges to be renewed")
            with Attacker(service.address, K, seed=2) as attacker:
                attacker.round(each=10, pages=30)
                said.append(attacker.said)
            token = service.command("token", "create", "--scope", "read", "--name", "insider").stdout.split()[-1]
            with Attacker(service.address, K, seed=2, token=token) as insider:
                exact.append(insider.get("/api/dashboard?days=0").text)
        finally:
            service.close_clients()
            service.stop()
    assert exact[0] != exact[1]  # it was spoiled indeed
    assert len(said[0]) > 80
    assert any(" broke: " in text for _, _, text in said[0].values())
    assert said[0].keys() == said[1].keys()
    for address, answer in said[0].items():
        assert answer == said[1][address], address
