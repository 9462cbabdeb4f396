"""The second look: what it finds in a text, and what it leaves alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.audit.identifiers import EMAIL, HOST, IPV4, IPV6, MAC, identifiers, is_file_name
from telemetry_service.core.scrub.public_hosts import PublicHosts

PUBLIC = PublicHosts(["scripts.example.de"])
FOUND = {
    IPV4: (
        "to 10.1.2.3 port 5432",
        "192.168.1.7/24",
        "x=192.168.1.7,",
        "<192.168.1.7>",
        "tcp://10.0.0.1:5432/x",
        "eth0:192.168.1.1",
        "root@10.0.0.1",
        "https://user:pw@10.0.0.1/",
        "10.1.2.3.",
        "peer=('203.0.113.9', 4711)",
    ),
    IPV6: (
        "[2001:db8::7]:8080",
        "fe80::1%eth0",
        "via 2001:0db8:0000:0000:0000:ff00:0042:8329 dev",
        "::ffff:10.1.2.3",
        "2001:db8::/32",
    ),
    MAC: (
        "a4:83:e7:01:02:03",
        "A4-83-E7-01-02-03",
        "a483.e701.0203",
        "at 0:1c:42:0:0:8 on en0",
        "BC\\:24\\:11\\:5E\\:0A\\:91",
        "lladdr=00:25:96:ff:fe:12:34:56.",
    ),
    EMAIL: (
        "anna@example.de",
        "anna%40example.de refused",
        "mail: <Anna.Smith@mail.com>",
        "ssh root@nas.local",
        "https://u:p@host.smith.io",
    ),
    HOST: (
        "myhost.lan",
        "https://nas.anna.de/x",
        "nas.fritz.box",
        "foo.smith.co.uk",
        "anna.de:8443",
        "mirror: deb.anna.me failed",
        "NAS.HOME",
        "https://a.py",
    ),
}
LEFT_ALONE = (
    "1.2.3",
    "8.4.1 24.04 6.8.12-1-pve",
    "999.1.2.3",
    "std::string",
    "12:30:45",
    "2026-11-26T12:30:45",
    "http://127.0.0.1:80 0.0.0.0 ::1 localhost",
    "main.py:12 server.rs:80:5 start.sh: line 3",
    "libc.so.6",
    "getty@tty1.service",
    "github.com raw.githubusercontent.com www.debian.org",
    "scripts.example.de sub.scripts.example.de",
    ".env.local",
    "file:///opt/app/A.kt:2397:5",
    "mariadb-server (--configure)",
    "linux/arch/x86_64 a/b.c",
    "Object.is this.id array.at",
    "20-11-26-10-11",
    "package@1.2.3",
)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in FOUND.items() for text in texts])
def test_what_is_found(kind: str, text: str) -> None:
    assert identifiers(text, PUBLIC) == {kind}
    assert identifiers(f"before ({text}) behind", PUBLIC) == {kind}


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_what_is_left_alone(text: str) -> None:
    assert identifiers(text, PUBLIC) == set()


@given(st.ip_addresses(v=4).filter(lambda address: not (address.is_loopback or address.is_unspecified)))
def test_every_ipv4_address(address: object) -> None:
    assert IPV4 in identifiers(f"peer {address}:80 gone", PUBLIC)


@given(st.ip_addresses(v=6).filter(lambda address: not (address.is_loopback or address.is_unspecified)))
def test_every_ipv6_address(address: object) -> None:
    assert IPV6 in identifiers(f"peer [{address}]:80 gone", PUBLIC)


@given(st.text())
def test_any_text(text: str) -> None:
    assert identifiers(text, PUBLIC) <= FOUND.keys()


@pytest.mark.parametrize(
    ("word", "is_file"), [("start.sh:", True), ("a-b.py", True), ("nas.lan", False), ("sh", False), ("https://a.sh", False)]
)
def test_names_of_files(word: str, is_file: bool) -> None:
    assert is_file_name(word) is is_file
