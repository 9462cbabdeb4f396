"""The examples of deploy/ for nginx and Caddy, started as they are but for ports and paths, before a running service."""

import http.client
import os
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from stored_data import StoredData
from test_tls import certificate

from running_service import PATIENCE_SECONDS, Answer, Service, report, wait_until

DEPLOY = Path(__file__).parents[2] / "deploy"
NAME = "telemetry.example"
CLIENT, NEIGHBOUR = "127.0.0.77", "127.0.0.78"
NewService = Callable[..., Service]


class Proxy:
    """A proxy that listens on a port of its own; everything it writes is below `root`."""

    def __init__(self, root: Path, port: int, authority: Path) -> None:
        self.root = root
        self.port = port
        self._authority = authority

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self._authority))

    def connected(self, source: str = CLIENT, context: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        raw = socket.create_connection(("127.0.0.1", self.port), PATIENCE_SECONDS, source_address=(source, 0))
        return (context or self.context()).wrap_socket(raw, server_hostname=NAME)

    def send(self, method: str, path: str, body: bytes = b"", source: str = CLIENT, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(NAME)
        connection.sock = self.connected(source)
        try:
            connection.request(method, path, body or None, headers)
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def post(self, source: str = CLIENT, **headers: str) -> int:
        return self.send("POST", "/telemetry", msgspec.json.encode(report()), source, **headers).status

    def written(self) -> str:
        return "".join(path.read_text("utf-8", "replace") for path in self.root.rglob("*") if path.is_file())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return text


def nginx(root: Path, port: int, upstream: str, files: tuple[Path, Path]) -> list[str]:
    example = replaced(
        (DEPLOY / "nginx.conf").read_text(),
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("    listen [::]:443 ssl http2;\n", ""),
        ("/etc/telemetry-service/tls/cert.pem", str(files[0])),
        ("/etc/telemetry-service/tls/key.pem", str(files[1])),
        ("127.0.0.1:8080;", f"{upstream};"),
    )
    places = "".join(f"{kind}_temp_path {root}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    around = f"daemon off; master_process off; pid {root}/pid; error_log {root}/error.log info; events {{}}"
    (root / "nginx.conf").write_text(f"{around} http {{ {places} access_log {root}/access.log;\n{example}\n}}")
    return ["nginx", "-c", str(root / "nginx.conf")]


def caddy(root: Path, port: int, upstream: str, files: tuple[Path, Path]) -> list[str]:
    example = replaced(
        (DEPLOY / "Caddyfile").read_text(),
        ("\tlog default {", "\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n\tlog default {"),
        (f"\n{NAME} {{", f"\n{NAME}:{port} {{"),
        ("/etc/telemetry-service/tls/cert.pem /etc/telemetry-service/tls/key.pem", f"{files[0]} {files[1]}"),
        ("127.0.0.1:8080 {", f"{upstream} {{"),
    )
    (root / "Caddyfile").write_text(example)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(root / "Caddyfile")]


@contextmanager
def started(make: Callable[..., list[str]], root: Path, upstream: str) -> Iterator[Proxy]:
    root.mkdir()
    files = certificate(root.parent, NAME)
    port = free_port()
    environment = {"PATH": os.environ["PATH"] + ":/usr/sbin", "HOME": str(root)}
    with (root / "output.log").open("wb") as output:
        command = make(root, port, upstream, files)
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    proxy = Proxy(root, port, files[0])

    def listens() -> bool:
        assert process.poll() is None, proxy.written()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(listens, "the proxy to listen")
        yield proxy
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("make", [nginx, caddy])
def test_the_example(make: Callable[..., list[str]], new_service: NewService, tmp_path: Path) -> None:
    service = new_service(TRUSTED_PROXIES_CIDR="127.0.0.1/32", RATE_LIMIT_RPM="1", RATE_BURST="3").start()
    with started(make, tmp_path / "proxy", "{}:{}".format(*service.address)) as proxy:
        with proxy.connected() as connection:
            assert connection.version() == "TLSv1.3"
        older = proxy.context()
        older.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError):
            proxy.connected(context=older)

        # Each network has a limit of its own, and none gets another one by what it claims.
        assert [proxy.post() for _ in range(3)] == [202, 202, 202]
        assert proxy.post(**{"X-Forwarded-For": "203.0.113.9"}) == 429
        assert proxy.post(Forwarded="for=203.0.113.9") == 429
        assert proxy.post(NEIGHBOUR) == 202
        StoredData(service.data).wait_until_folded()
        assert len(StoredData(service.data).installations()) == 4

        page = proxy.send("GET", "/", Accept="text/html")
        assert page.status == 200
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers.get("server", "") in ("", "nginx")  # a name at most, never a version
        assert [proxy.send("GET", f"/api/scripts?days={days}").status for days in range(1, 6)] == [200] * 5
        assert proxy.send("POST", "/telemetry", b"x" * 300_000, NEIGHBOUR).status == 413
        with proxy.connected() as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: telemetry.example\r\nContent-Length: x\r\n\r\n")
            assert connection.recv(12) == b"HTTP/1.1 400"

        assert service.stop() == 0
        assert proxy.send("GET", "/healthz").status == 502
        for address in (CLIENT, NEIGHBOUR):
            assert address not in proxy.written()
            assert address not in service.log
