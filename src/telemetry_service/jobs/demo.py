"""A plausible year of reports: popular and rare apps, a weekly rhythm, scripts that break and are fixed.

Everything follows from the seed. What comes out are payloads as clients post them; they go through the real intake.
"""

import math
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from telemetry_service.core.installation import MICROSECONDS_PER_DAY

APPS = 450
POPULARITY_EXPONENT = 1.05
WEEKDAY_WEIGHT = (0.9, 0.88, 0.9, 0.93, 1.0, 1.25, 1.3)  # Monday first
HOUR_WEIGHT = (4, 3, 2, 2, 2, 3, 4, 6, 8, 9, 10, 10, 10, 10, 11, 11, 12, 13, 14, 15, 15, 13, 10, 7)
BREAKS = 12  # at most: the popular scripts of which enough are installed before and meanwhile for anybody to notice
LEAST_BEFORE, LEAST_BROKEN = 80, 30  # installations of a script before it breaks, and as long as it is broken
LONGEST_BREAK_DAYS = 40
BROKEN_RATE = 0.85
COMMON_SYSTEM = "debian 12"
NO_END_SHARE, ABORTED_SHARE, RETRY_SHARE = 0.02, 0.04, 0.3

POPULAR = (
    *("jellyfin", "homeassistant", "immich", "vaultwarden", "adguard", "docker", "nginxproxymanager", "plex", "pihole"),
    *("nextcloud", "paperless-ngx", "grafana", "uptimekuma", "frigate", "zigbee2mqtt", "mqtt", "postgresql", "mariadb"),
    *("homepage", "cloudflared", "wireguard", "tailscale", "sonarr", "radarr", "prowlarr", "qbittorrent", "overseerr"),
    *("n8n", "ollama", "openwebui", "authentik", "gitea", "forgejo", "influxdb", "prometheus", "caddy", "traefik"),
    *("esphome", "nodered", "emby", "navidrome", "audiobookshelf", "bookstack", "wikijs", "mealie", "stirling-pdf"),
    *("syncthing", "unifi", "omada", "checkmk", "zabbix", "netbox", "technitiumdns", "unbound", "redis", "mongodb"),
)
FIRST_WORDS = (
    "open",
    "simple",
    "tiny",
    "smart",
    "home",
    "cloud",
    "media",
    "photo",
    "music",
    "book",
    "file",
    "note",
    "task",
)
SECOND_WORDS = (
    *(
        "board",
        "box",
        "base",
        "flow",
        "guard",
        "hub",
        "keeper",
        "link",
        "log",
        "mind",
        "pad",
        "pilot",
        "press",
        "proxy",
    ),
    *("server", "share", "shelf", "sync", "tracker", "vault", "view", "watch", "wiki", "works", "yard", "zone", "cast"),
    *("desk", "drop", "feed", "gate"),
)
TOOLS = (
    "post-pve-install",
    "kernel-clean",
    "update-lxcs",
    "microcode",
    "netdata",
    "add-tailscale-lxc",
    "all-templates",
)

FAILURES: tuple[tuple[int, str], ...] = (
    (100, "E: Unable to correct problems, you have held broken packages."),
    (6, "curl: (6) Could not resolve host: github.com"),
    (22, "curl: (22) The requested URL returned error: 404"),
    (127, "bash: line 12: npm: command not found"),
    (1, "ModuleNotFoundError: No module named 'setuptools'"),
    (137, "Killed"),
    (28, "write error: No space left on device"),
    (128, "fatal: unable to access 'https://github.com/': Could not resolve host: github.com"),
    (243, "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"),
    (118, "no address assigned in time"),
    (255, "dpkg: error processing package mariadb-server (--configure)"),
)
SYSTEMS: tuple[tuple[str, str, float], ...] = (
    ("debian", "12", 0.55),
    ("debian", "13", 0.25),
    ("ubuntu", "24.04", 0.1),
    ("ubuntu", "22.04", 0.03),
    ("alpine", "3.22", 0.06),
    ("fedora", "42", 0.01),
)
PVE_BEFORE, PVE_AFTER = ("8.3.5", "8.4.0", "8.4.1"), ("9.0.3", "9.0.10", "9.1.1")


class Payload(NamedTuple):
    """A body as posted, and when it was received, in microseconds since 1970."""

    received_at: int
    body: bytes


class _Break(NamedTuple):
    """Days of the demo on which most installations fail; `only_on` one system, or everywhere."""

    days: range
    only_on: str | None

    def holds(self, offset: int, system: str) -> bool:
        return offset in self.days and self.only_on in (None, system)


class _Script(NamedTuple):
    name: str
    type: str
    failure_rate: float
    failures: tuple[tuple[int, str], ...]
    cores: int
    ram: int
    disk: int
    seconds: float
    broken: _Break | None


def catalogue(installations: int, days: int, seed: int) -> list[_Script]:
    """The scripts of a demo, the most popular first; some are broken for a while."""
    dice = random.Random(f"{seed} scripts")
    names = list(POPULAR) + [f"{first}{second}" for first in FIRST_WORDS for second in SECOND_WORDS]
    names = names[: APPS - len(TOOLS)]
    names[40:40] = TOOLS
    breaks = _breaks(dice, days, [installations / days * share for share in _popularity(len(names))])
    return [
        _Script(
            name=name,
            type=_type_of(name, rank),
            failure_rate=min(0.6, dice.betavariate(1.6, 18)),
            failures=tuple(dice.sample(FAILURES, 3)),
            cores=dice.choice((1, 1, 2, 2, 2, 4)),
            ram=dice.choice((512, 1024, 1024, 2048, 2048, 4096)),
            disk=dice.choice((2, 4, 4, 8, 8, 10, 20)),
            seconds=dice.lognormvariate(5, 0.6),
            broken=breaks.get(rank),
        )
        for rank, name in enumerate(names)
    ]


def _popularity(scripts: int) -> list[float]:
    """The share of all installations that each script has, by rank."""
    weights = [1 / (rank + 3) ** POPULARITY_EXPONENT for rank in range(scripts)]
    whole = sum(weights)
    return [weight / whole for weight in weights]


def _breaks(dice: random.Random, days: int, a_day: Sequence[float]) -> dict[int, _Break]:
    """By rank, of scripts installed so often a day: when each is broken. The first is not fixed yet, some break on one system."""
    long = [math.ceil(LEAST_BROKEN / often) for often in a_day]
    before = [math.ceil(LEAST_BEFORE / often) for often in a_day]
    noticed = [
        rank for rank in range(1, len(a_day)) if long[rank] <= LONGEST_BREAK_DAYS and before[rank] + 2 * long[rank] <= days
    ]
    share_of_common = sum(share for os, version, share in SYSTEMS if f"{os} {version}" == COMMON_SYSTEM)
    found = {}
    for number, rank in enumerate(sorted(dice.sample(noticed, min(BREAKS, (len(noticed) + 1) // 2)))):
        length = max(dice.randrange(2, 12), long[rank])
        is_open = number == 0
        limited = not is_open and number % 2 == 1 and math.ceil(length / share_of_common) + before[rank] <= days // 2
        length = math.ceil(length / share_of_common) if limited else length
        start = days - length if is_open else dice.randrange(before[rank], days - length)
        found[rank] = _Break(range(start, start + length), COMMON_SYSTEM if limited else None)
    return found


def _type_of(name: str, rank: int) -> str:
    if name in TOOLS:
        return "addon" if "netdata" in name or "tailscale" in name else "tool" if "clean" in name else "pve"
    return "vm" if rank % 23 == 1 else "turnkey" if rank % 41 == 7 else "lxc"


def payloads(installations: int, days: int, seed: int, last_day: int) -> Iterator[list[Payload]]:
    """The reports of one installation after another, day by day up to and including `last_day` (days since 1970)."""
    dice = random.Random(seed)
    scripts = catalogue(installations, days, seed)
    popularity = _popularity(len(scripts))
    # 1970-01-01 was a Thursday.
    weights = [WEEKDAY_WEIGHT[(last_day - days + 1 + offset + 3) % 7] * (1 + offset / days) for offset in range(days)]
    hours = range(24)
    left, weight_left = installations, sum(weights)
    for offset, weight in enumerate(weights):
        today = left if offset == days - 1 else min(left, round(left * weight / weight_left))
        left, weight_left = left - today, weight_left - weight
        midnight = (last_day - days + 1 + offset) * MICROSECONDS_PER_DAY
        starts = sorted(
            midnight + hour * 3_600_000_000 + dice.randrange(3_600_000_000) for hour in dice.choices(hours, HOUR_WEIGHT, k=today)
        )
        chosen = dice.choices(scripts, popularity, k=today)
        previous: UUID | None = None
        for start, script in zip(starts, chosen, strict=True):
            events, failed = _installation(dice, script, offset, days, start, previous)
            previous = UUID(events[0]["random_id"]) if failed and dice.random() < RETRY_SHARE else None
            yield [
                Payload(received_at, msgspec.json.encode(event))
                for event in events
                for received_at in (event.pop("received_at"),)
            ]


def _installation(
    dice: random.Random, script: _Script, offset: int, days: int, start: int, person: UUID | None
) -> tuple[list[dict[str, Any]], bool]:
    """The events of one installation, and whether it failed."""
    system = dice.choices(SYSTEMS, [share for *_, share in SYSTEMS])[0]
    pve = dice.choice(PVE_AFTER if dice.random() < offset / days else PVE_BEFORE)
    bigger = dice.choice((1, 1, 1, 1, 2))
    gpu = dice.random()
    known: dict[str, Any] = {
        "random_id": str(person or UUID(int=dice.getrandbits(128), version=4)),
        "execution_id": str(UUID(int=dice.getrandbits(128), version=4)),
        "type": script.type,
        "nsapp": script.name,
        "ct_type": 2 if script.type == "vm" else 1,
        "disk_size": script.disk * bigger,
        "core_count": script.cores,
        "ram_size": script.ram * bigger,
        "os_type": system[0],
        "os_version": system[1],
        "pve_version": pve,
        "method": dice.choices(("default", "advanced", f"mydefaults-{script.name}"[:32]), (0.8, 0.17, 0.03))[0],
        "cpu_vendor": dice.choices(("intel", "amd", "unknown"), (0.62, 0.36, 0.02))[0],
        "gpu_vendor": "intel" if gpu < 0.25 else "nvidia" if gpu < 0.3 else "unknown",
        "gpu_passthrough": "igpu" if gpu < 0.25 else "dgpu" if gpu < 0.3 else "none",
        "arch": "arm64" if dice.random() < 0.01 else "amd64",
        "platform": "pve",
        "repo_source": dice.choices(("ProxmoxVE", "ProxmoxVED", "external"), (0.9, 0.06, 0.04))[0],
    }
    seconds = dice.lognormvariate(0, 0.4) * script.seconds
    ended_at = start + int(seconds * 1_000_000)
    events = [{**known, "status": "installing", "received_at": start}]
    chance = dice.random()
    if chance < NO_END_SHARE:
        return events, False
    events.append(
        {
            **{name: known[name] for name in ("random_id", "execution_id", "platform", "repo_source")},
            "type": "lxc" if script.type in ("lxc", "turnkey") else script.type,
            "nsapp": script.name,
            "status": "configuring",
            "received_at": start + (ended_at - start) // 2,
        }
    )
    is_broken = script.broken is not None and script.broken.holds(offset, f"{system[0]} {system[1]}")
    rate = BROKEN_RATE if is_broken else script.failure_rate
    end: dict[str, Any] = {**known, "received_at": ended_at, "install_duration": max(1, int(seconds))}
    if chance < NO_END_SHARE + ABORTED_SHARE:
        events.append({**end, "status": "aborted", "exit_code": 130, "error": "Aborted by user"})
        return events, False
    if dice.random() < rate:
        which = 0 if is_broken else min(2, int(dice.expovariate(1.0)))
        exit_code, line = script.failures[which]
        error = f"exit_code={exit_code} | error | at line {dice.randrange(20, 400)}: install\n---\n{line}"
        events.append({**end, "status": "failed", "exit_code": exit_code, "error": error})
        return events, True
    events.append({**end, "status": "success", "exit_code": 0})
    return events, False
