"""Generated identifiers of every structural class, and places of a log they stand in. Seeded; no value is anybody's."""

from __future__ import annotations

import base64
import ipaddress
import json
import random
import string
from collections.abc import Callable

_HEX = "0123456789abcdef"
_BASE62 = string.ascii_letters + string.digits


def _text(chance: random.Random, alphabet: str, length: int) -> str:
    return "".join(chance.choice(alphabet) for _ in range(length))


def ipv4(chance: random.Random) -> str:
    octets = [chance.randrange(1, 224), chance.randrange(256), chance.randrange(256), chance.randrange(1, 255)]
    if octets[0] == 127:
        octets[0] = 192
    address = ".".join(map(str, octets))
    return chance.choice([address, address, address, f"{address}/{chance.randrange(8, 33)}"])


def ipv6(chance: random.Random) -> str:
    number = chance.choice([0x2A00 << 112, 0xFE80 << 112, 0xFD00 << 112, 0x2001 << 112]) | chance.getrandbits(
        chance.choice([8, 16, 64, 112])
    )
    address = ipaddress.IPv6Address(number)
    embedded = "::ffff:" + ".".join(str(chance.randrange(1, 255)) for _ in range(4))
    forms = [
        address.compressed,
        address.exploded,
        address.compressed.upper(),
        f"{address}%eth0",
        f"{address}/64",
        embedded,
    ]
    return chance.choice(forms)


def mac(chance: random.Random) -> str:
    pairs = [_text(chance, _HEX, 2) for _ in range(6)]
    if all(pair.isdigit() for pair in pairs):
        pairs[0] = "be"
    dotted = ".".join("".join(pairs[i : i + 2]) for i in (0, 2, 4))
    value = chance.choice([":".join(pairs), ":".join(pairs), "-".join(pairs), "_".join(pairs), dotted])
    return chance.choice([value, value.upper()])


def bare_mac(chance: random.Random) -> str:
    value = _text(chance, _HEX, 12)
    return chance.choice([value, value, value.upper()]) if not value.isalpha() else mac(chance)


def email(chance: random.Random) -> str:
    local = _text(chance, string.ascii_lowercase, 5) + chance.choice(["", ".", "+", "-", "_"]) + _text(chance, _BASE62, 4)
    return f"{local}@{_text(chance, string.ascii_lowercase, 7)}.{chance.choice(['de', 'com', 'example', 'co.uk', 'lan'])}"


def uuid(chance: random.Random) -> str:
    value = "-".join(_text(chance, _HEX, length) for length in (8, 4, 4, 4, 12))
    return chance.choice([value, value.upper()])


def jwt(chance: random.Random) -> str:
    parts = [json.dumps({"alg": "HS256"}), json.dumps({"sub": _text(chance, _BASE62, 12)})]
    return (
        ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)
        + "."
        + _text(chance, _BASE62, 43)
    )


def token(chance: random.Random) -> str:
    shape = chance.choice(
        [
            "ghp_36",
            "glpat-20",
            "npm_36",
            "hf_34",
            "xoxb-24",
            "AKIA16",
            "dckr_pat_27",
            "tskey-auth-30",
            "sk-40",
            "github_pat_60",
        ]
    )
    prefix = shape.rstrip(string.digits)
    alphabet = string.ascii_uppercase + string.digits if prefix == "AKIA" else _BASE62
    return prefix + _text(chance, alphabet, int(shape[len(prefix) :]))


def basic_auth(chance: random.Random) -> str:
    return f"{_text(chance, string.ascii_lowercase, 6)}:{_text(chance, _BASE62 + '!*_-.', 12)}"


def private_key(chance: random.Random) -> str:
    return _text(chance, _BASE62 + "+/", 42) + chance.choice("AEIMQUYcgkosw048") + "="


def host_key(chance: random.Random) -> str:
    return _text(chance, _BASE62 + "+/", 43)


_PLAIN = (
    "failed to connect to {}: timeout",
    "{}",
    "peer {} is gone",
    "address={}",
    "[{}]",
    "({})",
    '"{}"',
    "x {}, y",
    "error for {}.",
    "from {}: no",
    "'{}' not found",
    "a={};b",
    "<{}>",
)

CLASSES: dict[str, tuple[Callable[[random.Random], str], tuple[str, ...]]] = {
    "ipv4": (ipv4, (*_PLAIN, "http://{}/x", "tcp://{}", "listen {}", "via {} dev eth0")),
    "ipv6": (ipv6, (*_PLAIN, "inet6 {} scope link", "dst {}", "via {} dev eth0")),
    "mac": (mac, (*_PLAIN, "link/ether {} brd", "hwaddr={}", "lladdr {} REACHABLE")),
    "mac in names": (
        bare_mac,
        (
            *("enx{}", "renamed from eth0 to enx{}", "wlx{}: link is not ready", "/sys/class/net/enx{}/address", "usb-{} reset"),
            *("mac={}", "mac {}", "MAC address: {}", "hwaddr {}", "ether {}", "HWADDR={}", '"mac": "{}"', "bssid={}", "(mac {})"),
            *("mac_address: {}", "mac-address={}, up", "physical address {}", "wakeonlan {}", "etherwake {}", "station {} left"),
        ),
    ),
    "email": (email, (*_PLAIN, "mailto:{}", "From: <{}>", "user {} unknown")),
    "uuid": (uuid, (*_PLAIN, "UUID={}", "/dev/disk/by-uuid/{}", "id: {}")),
    "jwt": (jwt, (*_PLAIN, "Authorization: Bearer {}", "token={}", "?jwt={}&x=1")),
    "token": (token, (*_PLAIN, "TOKEN={}", "Authorization: token {}", "https://{}@github.com/o/r.git")),
    "basic_auth": (
        basic_auth,
        (
            "https://{}@example.com/",
            "git clone https://{}@gitlab.com/g/a.git",
            "postgresql://{}@db:5432/a",
            "curl -u {} http://x/",
        ),
    ),
    "private_key": (private_key, ("PrivateKey = {}", "PresharedKey={}", "wg set wg0 private-key {}", "key: {}")),
    "host_key": (host_key, ("SHA256:{}", "key fingerprint is SHA256:{}.", "256 SHA256:{} (ED25519)")),
}


def lines(name: str, count: int, seed: int = 1) -> list[tuple[str, str]]:
    """`count` pairs of a value of the class and a line that holds it."""
    make, places = CLASSES[name]
    chance = random.Random(f"{name}{seed}")
    pairs = []
    for _ in range(count):
        value = make(chance)
        pairs.append((value, chance.choice(places).format(value)))
    return pairs
