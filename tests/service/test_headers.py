"""Headers of every answer, and what is logged of a request."""

import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from running_service import PATIENCE_SECONDS, Client, Service, report, wait_until

ALWAYS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "x-frame-options": "DENY"}
FROM_ROUTES = ALWAYS | {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
}


def test_every_answer_of_a_route(client: Client) -> None:
    for method, path in (
        *(
            ("GET", path)
            for path in ("/api/dashboard", "/api/dashboard?days=x", "/api/records", "/nowhere", "/openapi.json", "/login")
        ),
        ("POST", "/api/dashboard"),
        ("POST", "/login"),
        ("DELETE", "/healthz"),
    ):
        headers = client.send(method, path).headers
        assert FROM_ROUTES.items() <= headers.items(), path
        assert "server" not in headers
        assert "date" not in headers
        assert "permissions-policy" in headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert ("form-action 'self'" in policy) == headers.get("content-type", "").startswith("text/html"), path


def test_reports_get_what_they_need(client: Client) -> None:
    """The answer to a report is the word `accepted`, for curl: no header that a script would have to read."""
    assert set(client.post(report()).headers) == {"content-type", "content-length", "x-content-type-options"}
    assert client.post(report(disk_size="x"), {"Accept": "application/json"}).headers["x-content-type-options"] == "nosniff"


def check_guarded(headers: dict[str, str]) -> None:
    assert FROM_ROUTES.items() <= headers.items(), headers
    assert "permissions-policy" in headers
    assert headers["content-security-policy"].startswith("default-src 'none'; ")
    assert not {"server", "date", "x-powered-by"} & headers.keys()


def test_every_kind_of_refusal(new_service: Callable[..., Service]) -> None:
    service = new_service(RATE_LIMIT_RPM="1", RATE_BURST="4", RATE_LIMIT_READ_RPM="1", MAX_BODY_BYTES="1024").start()
    client = service.client()
    page = client.send("GET", "/openapi.json")
    answers = {
        400: client.post(b"[]"),
        404: client.send("GET", "/nowhere"),
        405: client.send("PUT", "/telemetry"),
        413: client.post(b"x" * 1025),
        "415-like": client.post(b"x", {"Content-Encoding": "br"}),
        401: client.send("GET", "/api/records"),
        304: client.send(
            "GET", "/api/exit-codes", headers={"If-None-Match": client.send("GET", "/api/exit-codes").headers["etag"]}
        ),
    }
    while (answer := client.post(report())).status == 202:
        pass
    answers[429] = answer
    while (answer := client.send("GET", f"/api/dashboard?days={len(answers)}")).status == 200:
        answers[f"read {len(answers)}"] = answer
    answers["read 429"] = answer
    assert page.status == 200
    for kind, answer in answers.items():
        if isinstance(kind, int):
            assert answer.status == kind
        if kind == 304:  # a policy would replace that of the page which the browser kept
            assert "content-security-policy" not in answer.headers
            answer.headers["content-security-policy"] = "default-src 'none'; "
        check_guarded(answer.headers)


@pytest.mark.parametrize("sent", [b"no HTTP\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n"])
def test_what_no_route_ever_sees(shared: Service, sent: bytes) -> None:
    with socket.create_connection(shared.address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(sent)
        received = connection.recv(65536).decode()
    check_guarded(dict(line.split(": ", 1) for line in received.partition("\r\n\r\n")[0].split("\r\n")[1:]))


def test_what_is_no_request(shared: Service) -> None:
    with socket.create_connection(shared.address, timeout=PATIENCE_SECONDS) as connection:
        connection.sendall(b"no HTTP\r\n\r\n")
        received = connection.recv(65536).decode().lower()
    assert received.startswith("http/1.1 400")
    for name, value in ALWAYS.items():
        assert f"{name}: {value.lower()}\r\n" in received
    assert "server:" not in received
    assert "uvicorn" not in received


def test_errors_tell_nothing_of_the_inside(client: Client) -> None:
    for path in (
        "/nowhere",
        "/api/dashboard?days=<script>",
        "/api/records?after=x",
        "/api/scripts/%3Cscript%3E",
        "/api/scripts/..%2f..",
    ):
        answer = client.send("GET", path)
        assert answer.status in (400, 401, 404)
        for word in ("script>", "Traceback", ".py", "sqlite", "starlette", "telemetry_service"):
            assert word not in answer.text, (path, answer.text)


def test_nothing_is_logged_of_requests_by_default(service: Service) -> None:
    client = service.client()
    client.post(report())
    client.send("GET", "/api/dashboard?slug=canary")
    assert service.stop() == 0
    assert [re.findall(r"event='(\w+)'", line) for line in service.log_besides_jobs] == [["listening"]]


def test_request_log(new_service: Callable[..., Service]) -> None:
    service = new_service(ENABLE_REQUEST_LOGGING="true", LOG_DIR="logs", RATE_LIMIT_RPM="0", LISTEN_ADDR="127.0.0.9:0")
    service.spawn()
    name = f"telemetry-service-{datetime.now(UTC):%Y-%m-%d}.log"
    log = service.root / "logs" / name
    address = wait_until(
        lambda: log.exists() and re.search(r"address='http://([\d.]+):(\d+)'", log.read_text()), "the service to listen"
    )
    service.address = address[1], int(address[2])
    client = service.client("127.0.0.8")
    client.post(report(nsapp="canary-app", error="canary-error"), {"X-Canary": "canary-header"})
    client.send("GET", "/api/scripts/canary-path?days=7&slug=canary-query", headers={"User-Agent": "canary-agent"})
    client.send("GET", "/canary-nowhere")
    assert service.stop() == 0
    lines = [line for line in log.read_text().splitlines() if "event='request'" in line]
    shown = [re.sub(r"time='[^']+'|milliseconds=[\d.]+", "", line).split() for line in lines]
    usual = ["level='info'", "event='request'"]
    assert shown == [
        [*usual, "method='POST'", "route='/telemetry'", "status=202"],
        [*usual, "method='GET'", "route='/api/scripts/{app}'", "status=404"],
        [*usual, "method='GET'", "route='none'", "status=404"],
    ]
    assert "canary" not in log.read_text()
    assert "127.0.0.8" not in log.read_text()
    assert log.stat().st_mode & 0o077 == 0
    assert not service.log
