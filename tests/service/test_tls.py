"""TLS by the service itself, asked by openssl and curl."""

import os
import socket
import ssl
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from running_service import PATIENCE_SECONDS, Service
from telemetry_service.web.tls import Certificate, UnusableCertificate


def certificate(directory: Path, name: str = "telemetry.example") -> tuple[Path, Path]:
    """A self-signed certificate and its key."""
    files = directory / f"{name}.pem", directory / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(files[0]), "-keyout", str(files[1])]
    subprocess.run([*command, *names], check=True, capture_output=True)
    return files


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return certificate(tmp_path)


@pytest.fixture
def secured(files: tuple[Path, Path], new_service: Callable[..., Service]) -> Service:
    return new_service(TLS_CERT_FILE=str(files[0]), TLS_KEY_FILE=str(files[1])).start()


def handshake(service: Service, *options: str) -> str:
    address = "{}:{}".format(*service.address)
    finished = subprocess.run(["openssl", "s_client", "-connect", address, *options], input=b"", capture_output=True, timeout=30)
    return finished.stdout.decode() + finished.stderr.decode()


def curl(service: Service, files: tuple[Path, Path], path: str, *options: str) -> str:
    address = "https://{}:{}{}".format(*service.address, path)
    command = ["curl", "-sS", "-i", "--cacert", str(files[0]), *options, address]
    return subprocess.run(command, capture_output=True, timeout=30, check=True).stdout.decode()


def test_only_tls_1_3_is_spoken(secured: Service) -> None:
    assert "Protocol version: TLSv1.3" in handshake(secured, "-tls1_3", "-brief")
    for older in ("-tls1_2", "-tls1_1", "-tls1"):
        told = handshake(secured, older, "-cipher", "ALL:@SECLEVEL=0", "-brief")
        assert "Protocol version" not in told, older
        assert "error" in told, told


def test_answers_over_tls(secured: Service, files: tuple[Path, Path]) -> None:
    answer = curl(secured, files, "/api/dashboard")
    assert answer.startswith("HTTP/1.1 200")
    assert "strict-transport-security: max-age=31536000" in answer
    body = '{"random_id": "0b0e5a5e-6f3b-4bb1-a0d6-1d2f8f1c1a11", "type": "lxc", "nsapp": "a", "status": "success"}'
    assert curl(secured, files, "/telemetry", "-d", body).startswith("HTTP/1.1 202")


def test_plain_http_is_not_answered_on_a_tls_port(secured: Service) -> None:
    with socket.create_connection(secured.address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        try:
            received = connection.recv(1000)
        except ConnectionResetError:
            received = b""
    assert b"HTTP" not in received


def test_half_open_handshakes_delay_nobody(secured: Service, files: tuple[Path, Path]) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            connection = stack.enter_context(socket.create_connection(secured.address, timeout=PATIENCE_SECONDS))
            connection.sendall(b"\x16\x03\x01")
        assert curl(secured, files, "/healthz", "--max-time", "5").startswith("HTTP/1.1 200")
        silent = stack.enter_context(socket.create_connection(secured.address, timeout=PATIENCE_SECONDS))
        assert silent.recv(100) == b""  # within the time of a handshake


def test_plain_service_sends_no_hsts(service: Service) -> None:
    assert "strict-transport-security" not in service.client().send("GET", "/api/dashboard").headers


def test_a_renewed_certificate_is_taken(tmp_path: Path, files: tuple[Path, Path]) -> None:
    served = Certificate(*files)
    assert not served.renew()
    for old, new in zip(files, certificate(tmp_path, "renewed.example"), strict=True):
        old.write_bytes(new.read_bytes())
        os.utime(old, (1, 1))
    assert served.renew()
    assert not served.renew()


def test_half_a_renewal_spoils_nothing(tmp_path: Path, files: tuple[Path, Path]) -> None:
    served = Certificate(*files)
    files[1].write_text("no key")
    with pytest.raises(UnusableCertificate):
        served.renew()
    assert not served.renew()  # said once
    assert isinstance(served.context, ssl.SSLContext)


@pytest.mark.parametrize("broken", ["missing", "no certificate", "another key", "key with a password"])
def test_unusable_files_are_said_at_the_start(
    tmp_path: Path, files: tuple[Path, Path], new_service: Callable[..., Service], broken: str
) -> None:
    if broken == "missing":
        files[0].unlink()
    elif broken == "no certificate":
        files[0].write_text("canary-content")
    elif broken == "another key":
        files[1].write_bytes(certificate(tmp_path, "other.example")[1].read_bytes())
    else:
        subprocess.run(
            ["openssl", "ec", "-aes256", "-passout", "pass:x", "-in", files[1], "-out", files[1]], check=True, capture_output=True
        )
    service = new_service(TLS_CERT_FILE=str(files[0]), TLS_KEY_FILE=str(files[1]))
    service.may_fail = True
    service.spawn()
    assert service.wait() == 1
    assert "TLS_CERT_FILE" in service.log
    assert "Traceback" not in service.log
    assert "canary" not in service.log
