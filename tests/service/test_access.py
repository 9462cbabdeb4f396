"""Who gets in: every route with no, a wrong, an expired, a revoked, a lesser and the right token; sessions of browsers."""

import json
import os
import re
import signal
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from all_routes import rows

from running_service import UNLIMITED, Answer, Service, report
from telemetry_service.core.period import day_of
from telemetry_service.store import tokens
from telemetry_service.store.directory import identities
from telemetry_service.web.app import is_page

PUBLIC, SHOWS_MORE, NEEDED = "public", "shows more with a token", "needs a token"
# Every route there is, and who may call it. A route that is not here fails the tests: decide about it here.
ROUTES: dict[tuple[str, str], tuple[str, str]] = {
    ("post", "/telemetry"): (PUBLIC, ""),
    ("get", "/api/dashboard"): (SHOWS_MORE, "read"),
    ("get", "/api/errors"): (SHOWS_MORE, "read"),
    ("get", "/api/scripts"): (SHOWS_MORE, "read"),
    ("get", "/api/scripts/{app}"): (SHOWS_MORE, "read"),
    ("get", "/api/records"): (NEEDED, "read"),
    ("get", "/api/repo-slugs"): (SHOWS_MORE, "read"),
    ("get", "/api/exit-codes"): (PUBLIC, ""),
    ("get", "/api/privacy/record"): (PUBLIC, ""),
    ("get", "/privacy/record"): (SHOWS_MORE, "read"),
    ("get", "/privacy/audit"): (SHOWS_MORE, "read"),
    ("get", "/api/alerts"): (NEEDED, "admin"),
    ("post", "/api/alerts/test"): (NEEDED, "admin"),
    ("post", "/api/github/create-issue"): (NEEDED, "admin"),
    ("post", "/issues"): (NEEDED, "admin"),
    ("get", "/healthz"): (PUBLIC, ""),
    ("get", "/readyz"): (PUBLIC, ""),
    ("get", "/metrics"): (SHOWS_MORE, "read"),
    ("get", "/openapi.json"): (PUBLIC, ""),
    ("get", "/badge/{app}.svg"): (PUBLIC, ""),
    ("get", "/records.csv"): (NEEDED, "read"),
    ("get", "/"): (SHOWS_MORE, "read"),
    ("get", "/dashboard"): (SHOWS_MORE, "read"),
    ("get", "/errors"): (SHOWS_MORE, "read"),
    ("get", "/error-analysis"): (SHOWS_MORE, "read"),
    ("get", "/scripts"): (SHOWS_MORE, "read"),
    ("get", "/script-analysis"): (SHOWS_MORE, "read"),
    ("get", "/scripts/{app}"): (SHOWS_MORE, "read"),
    ("get", "/alerts"): (SHOWS_MORE, "read"),
    ("get", "/reports"): (SHOWS_MORE, "read"),
    ("get", "/reports/{week}"): (SHOWS_MORE, "read"),
    ("get", "/records"): (NEEDED, "read"),
    ("get", "/privacy"): (SHOWS_MORE, "read"),
    ("get", "/privacy/data"): (PUBLIC, ""),
    ("post", "/privacy/data"): (PUBLIC, ""),
    ("post", "/api/privacy/access"): (PUBLIC, ""),
    ("post", "/api/privacy/erase"): (PUBLIC, ""),
    ("get", "/api/cleanup/status"): (NEEDED, "admin"),
    ("post", "/api/cleanup/run"): (NEEDED, "admin"),
    ("get", "/runs"): (NEEDED, "admin"),
    ("post", "/runs"): (NEEDED, "admin"),
    ("get", "/static/{name}"): (PUBLIC, ""),
    ("get", "/login"): (SHOWS_MORE, "read"),
    ("post", "/login"): (PUBLIC, ""),
    ("post", "/logout"): (NEEDED, "read"),
}
STRICTER = {"INGEST_AUTH": "token", "METRICS_AUTH": "token"}
STRICTER_ROUTES = ROUTES | {("post", "/telemetry"): (NEEDED, "ingest"), ("get", "/metrics"): (NEEDED, "read")}
LESSER = {"read": "ingest", "ingest": "read", "admin": "read"}
NOT_VALID = ("wrong", "expired", "revoked", "empty", "basic")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


class Tokens:
    """Tokens of every kind in the data directory of a service."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.number = 0
        self.credentials = {
            "wrong": bearer("tel_" + "x" * 43),
            "expired": bearer(self.make("read", days=0)),
            "revoked": bearer(self.make("read")),
            "empty": bearer(""),
            "basic": {"Authorization": "Basic YTpi"},
            **{scope: bearer(self.make(scope)) for scope in tokens.SCOPES},
        }
        assert tokens.revoke(data, "token 2", now=time.time_ns() // 1000)

    def make(self, scope: str, days: int | None = None) -> str:
        self.number += 1
        now = time.time_ns() // 1000
        expires_day = None if days is None else day_of(now) + days
        name = f"token {self.number}"
        return tokens.create(self.data, identities(self.data), scope=scope, name=name, now=now, expires_day=expires_day)


@pytest.fixture(scope="module", params=["by default", "stricter"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Tokens, bool]]:
    stricter = request.param == "stricter"
    service = Service(tmp_path_factory.mktemp("access"), **(UNLIMITED | (STRICTER if stricter else {}))).start()
    yield service, Tokens(service.data), stricter
    service.close_clients()
    assert service.stop() == 0


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service for tests that log in; each browser comes from a network of its own unless told otherwise."""
    service = Service(tmp_path_factory.mktemp("browsers"), **UNLIMITED).start()
    yield service
    service.close_clients()
    assert service.stop() == 0
    assert "Traceback" not in service.log


@pytest.fixture(scope="module")
def made(busy: Service) -> Tokens:
    return Tokens(busy.data)


@pytest.mark.parametrize(("settings", "expected"), [({}, ROUTES), (STRICTER, STRICTER_ROUTES)])
def test_every_route_is_decided_about(
    place: tuple[Service, Tokens, bool], settings: dict[str, str], expected: dict[tuple[str, str], tuple[str, str]]
) -> None:
    found = rows(place[0].data, **settings)
    assert found.keys() == expected.keys()
    for route, (who, scope) in expected.items():
        assert (found[route].scope or "") == scope, route
        assert found[route].token_required == (who == NEEDED), route


def test_the_description_says_who_may_call_what(place: tuple[Service, Tokens, bool]) -> None:
    service, _, stricter = place
    expected = STRICTER_ROUTES if stricter else ROUTES
    paths = json.loads(service.client().send("GET", "/openapi.json").text)["paths"]
    described = {(method, path): operation for path, all_ in paths.items() for method, operation in all_.items()}
    assert described.keys() == {route for route, row in rows(service.data).items() if not is_page(row)}
    for route, operation in described.items():
        who, scope = expected[route]
        security = operation.get("security", [])
        assert ({} in security) == (who == SHOWS_MORE), route
        assert ({"token": [scope]} in security) == (who != PUBLIC), route
        assert ({"session": [scope]} in security) == (scope in ("read", "admin")), route


def test_every_route_with_every_kind_of_token(place: tuple[Service, Tokens, bool]) -> None:
    service, made, stricter = place
    client = service.client()

    def call(route: tuple[str, str], kind: str) -> Answer:
        method, path = route
        body = json.dumps(report()) if path == "/telemetry" else ""
        return client.send(method.upper(), path.replace("{app}", "jellyfin"), body, made.credentials.get(kind, {}))

    for route, (who, scope) in (STRICTER_ROUTES if stricter else ROUTES).items():
        answers = {kind: call(route, kind) for kind in ("none", *made.credentials)}
        statuses = {kind: answer.status for kind, answer in answers.items()}
        usual = statuses["none"]
        if who == PUBLIC:
            assert set(statuses.values()) == {usual}, (route, statuses)
            assert usual != 401, route
            continue
        assert all(statuses[kind] == 401 for kind in NOT_VALID), (route, statuses)
        assert statuses[scope] == statuses["admin"] not in (401, 403), (route, statuses)
        if who == SHOWS_MORE:
            assert statuses[LESSER[scope]] == usual not in (401, 403), (route, statuses)
            for kind, answer in answers.items():
                if '"exact":' in answer.text:
                    assert ('"exact":true' in answer.text) == (kind in ("read", "admin")), (route, kind)
        else:
            assert usual == 401, (route, statuses)
            assert statuses[LESSER[scope]] == 403, (route, statuses)
        for kind in NOT_VALID:
            assert answers[kind].headers["www-authenticate"] == "Bearer"
            assert made.credentials[kind]["Authorization"].partition(" ")[2] not in answers[kind].text.split()


def test_a_path_beside_the_routes_is_nothing(place: tuple[Service, Tokens, bool]) -> None:
    service, made, _ = place
    for path in (
        "/api",
        "/api/records/",
        "/api//records",
        "/API/records",
        "/api/../api/records",
        "/telemetry/",
        "/.env",
        "/%2e%2e/x",
    ):
        assert service.client().send("GET", path, headers=made.credentials["ingest"]).status == 404, path
    assert service.client().send("POST", "/api/records", headers=made.credentials["admin"]).status == 405


def test_token_commands(service: Service) -> None:
    def run(*arguments: str) -> str:
        finished = service.command("token", *arguments)
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def listed() -> str:
        return service.command("token", "list").stdout

    secret = run("create", "--scope", "read", "--name", "grafana", "--expires", "90d").split()[-1]
    assert secret not in listed()
    assert service.client().send("GET", "/api/records", headers=bearer(secret)).status == 200
    assert b"".join(path.read_bytes() for path in service.data.iterdir()).find(secret.encode()) == -1
    assert "never" in listed()
    run("revoke", "--name", "grafana")
    assert service.client().send("GET", "/api/records", headers=bearer(secret)).status == 401
    assert "revoked" in listed()
    assert service.command("token", "revoke", "--name", "grafana").returncode != 0
    assert service.command("token", "create", "--scope", "read", "--name", "grafana").returncode != 0
    for bad in ("0d", "-1d", "soon", "", "99999d"):
        assert service.command("token", "create", "--scope", "read", "--name", "x", "--expires", bad).returncode != 0, bad
    assert service.stop() == 0
    with closing(sqlite3.connect(service.data / "store.sqlite")) as store:
        kept = store.execute("SELECT last_used_day FROM token").fetchall()
    assert kept == [(day_of(time.time_ns() // 1000),)]


class Browser:
    """What a browser does with cookies and forms, without one."""

    networks = count(1)

    def __init__(self, service: Service, source: str = "") -> None:
        self.client = service.client(source or f"127.0.1.{next(self.networks)}")
        self.cookies: dict[str, str] = {}

    def send(self, method: str, path: str, fields: dict[str, str] | None = None, **headers: str) -> Answer:
        sent = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **(FORM if fields else {}),
            **headers,
        }
        answer = self.client.send(method, path, urlencode(fields) if fields else "", sent)
        if "set-cookie" in answer.headers:
            name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def csrf(self, page: Answer) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
        assert found
        return found[1]

    def log_in(self, secret: str, following: str = "") -> Answer:
        page = self.send("GET", "/login")
        return self.send("POST", "/login", {"token": secret, "csrf_token": self.csrf(page), "next": following})


def test_a_browser_logs_in_and_out(busy: Service, made: Tokens) -> None:
    browser = Browser(busy)
    answer = browser.log_in(made.make("read"), "/api/records?days=7")
    assert (answer.status, answer.headers["location"]) == (303, "/api/records?days=7")
    assert re.fullmatch(
        r"__Host-session=[\w-]{43}; Path=/; Max-Age=28800; HttpOnly; Secure; SameSite=Strict", answer.headers["set-cookie"]
    )
    kept = dict(browser.cookies)
    assert browser.send("GET", "/api/records").status == 200
    assert '"exact":true' in browser.send("GET", "/api/dashboard").text
    page = browser.send("GET", "/login")
    assert browser.send("POST", "/logout").status == 403
    assert browser.send("POST", "/logout", {"csrf_token": "x" * 32}).status == 403
    assert browser.send("GET", "/api/records").status == 200
    assert browser.send("POST", "/logout", {"csrf_token": browser.csrf(page)}).status == 303
    browser.cookies = kept
    assert browser.send("GET", "/api/records").status == 401
    assert '"exact":false' in browser.send("GET", "/api/dashboard").text


def test_an_admin_sees_the_runs_and_a_foreign_page_starts_none(busy: Service, made: Tokens) -> None:
    reader, admin = Browser(busy), Browser(busy)
    reader.log_in(made.make("read"))
    assert reader.send("GET", "/runs").status == 403
    assert "/runs" not in reader.send("GET", "/login").text
    admin.log_in(made.make("admin"))
    assert 'href="/runs"' in admin.send("GET", "/login").text
    page = admin.send("GET", "/runs")
    assert (page.status, page.headers["cache-control"]) == (200, "private, no-store")

    def runs() -> list[Any]:
        return list(json.loads(admin.send("GET", "/api/cleanup/status").text)["runs"])

    before = len(runs())
    for path in ("/runs", "/api/cleanup/run"):
        assert admin.send("POST", path).status == 403
        assert admin.send("POST", path, {"csrf_token": "x" * 32}).status == 403
    assert len(runs()) == before
    answer = admin.send("POST", "/runs", {"csrf_token": admin.csrf(page)})
    assert (answer.status, answer.headers["location"]) == (303, "/runs")
    assert len(runs()) == before + 1
    assert "updated 0" in admin.send("GET", "/runs?job=cleanup").text
    assert admin.send("GET", "/runs?job=nothing").status == 400


def test_csrf_token_may_come_as_a_header(busy: Service, made: Tokens) -> None:
    browser = Browser(busy)
    browser.log_in(made.make("admin"))
    csrf = browser.csrf(browser.send("GET", "/login"))
    assert browser.send("POST", "/logout", **{"X-CSRF-Token": csrf}).status == 303


def test_a_session_ends_with_its_token(busy: Service, made: Tokens) -> None:
    browser = Browser(busy)
    browser.log_in(made.make("read"))
    assert browser.send("GET", "/api/records").status == 200
    assert tokens.revoke(busy.data, f"token {made.number}", now=0)
    assert browser.send("GET", "/api/records").status == 401


def test_a_session_is_no_way_to_send_reports(new_service: Callable[..., Service]) -> None:
    service = new_service(INGEST_AUTH="token").start()
    browser = Browser(service)
    assert browser.log_in(Tokens(service.data).make("admin")).status == 303
    assert browser.send("POST", "/telemetry", {"x": "y"}).status == 401


@pytest.mark.parametrize(
    "following", ["//evil.example/", "https://evil.example/", "/\\evil.example", "/\t/evil.example", "x", "/a\r\nx: y"]
)
def test_login_leads_nowhere_else(busy: Service, made: Tokens, following: str) -> None:
    assert Browser(busy).log_in(made.make("read"), following).headers["location"] == "/"


def test_login_needs_its_own_form(busy: Service, made: Tokens) -> None:
    secret = made.make("read")
    browser, other = Browser(busy), Browser(busy)
    assert browser.send("POST", "/login", {"token": secret}).status == 403
    stolen = other.csrf(other.send("GET", "/login"))
    browser.send("GET", "/login")
    assert browser.send("POST", "/login", {"token": secret, "csrf_token": stolen}).status == 403
    csrf = browser.csrf(browser.send("GET", "/login"))
    cross_site = browser.send("POST", "/login", {"token": secret, "csrf_token": csrf}, **{"Sec-Fetch-Site": "cross-site"})
    assert cross_site.status == 403
    assert "__Host-session" not in browser.cookies


@pytest.mark.parametrize("kind", ["wrong", "expired", "revoked", "ingest"])
def test_login_with_a_token_that_is_not_valid(busy: Service, made: Tokens, kind: str) -> None:
    secret = made.credentials[kind]["Authorization"].removeprefix("Bearer ")
    answer = Browser(busy).log_in(secret)
    assert answer.status == 401
    assert secret not in answer.text


def test_guesses_are_throttled_and_lock_out_nobody_else(busy: Service, made: Tokens) -> None:
    guesser, neighbour = Browser(busy, "127.0.0.2"), Browser(busy, "127.0.0.3")
    secret = made.make("read")
    statuses = [guesser.log_in(f"guess {number}").status for number in range(20)]
    assert statuses[:10] == [401] * 10
    assert statuses[11:] == [429] * 9
    answer = guesser.log_in(secret)
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert guesser.send("GET", "/api/records", **bearer(secret)).status == 200  # scripts in the same network go on
    assert neighbour.log_in(secret).status == 303


def test_guesses_made_at_once_are_guesses_too(busy: Service) -> None:
    """Each is looked at in a thread: those that come meanwhile must not find that none was wrong yet."""
    browser = Browser(busy, "127.0.0.4")
    form = urlencode({"token": "guess", "csrf_token": browser.csrf(browser.send("GET", "/login"))})
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    head = f"POST /login HTTP/1.1\r\nHost: x\r\nCookie: {cookies}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    asked = f"{head}Content-Length: {len(form)}\r\nConnection: close\r\n\r\n{form}".encode()
    with ExitStack() as stack:
        guessers = [stack.enter_context(socket.create_connection(busy.address, 30, ("127.0.0.4", 0))) for _ in range(40)]
        for guesser in guessers:
            guesser.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b" 200 " in guesser.recv(1000)
        os.kill(busy.pid, signal.SIGSTOP)
        for guesser in guessers:
            guesser.sendall(asked)
        os.kill(busy.pid, signal.SIGCONT)
        statuses = Counter(guesser.recv(12)[9:] for guesser in guessers)
    assert statuses[b"401"] <= 11
    assert statuses[b"429"] >= 29


def test_last_use_is_written_while_the_fold_works(service: Service) -> None:
    secret = Tokens(service.data).make("read")
    with closing(sqlite3.connect(service.data / "store.sqlite", isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        assert service.client().send("GET", "/api/records", headers=bearer(secret)).status == 200
        assert time.monotonic() - began < 2  # writing it waits, answering does not
        store.execute("ROLLBACK")
    assert service.stop() == 0
    with closing(sqlite3.connect(service.data / "store.sqlite")) as store:
        used = store.execute("SELECT count(*) FROM token WHERE last_used_day IS NOT NULL").fetchone()
    assert used == (1,)


def test_the_form_needs_no_script_and_shows_no_token(busy: Service) -> None:
    page = busy.client().send("GET", "/login")
    assert page.headers["content-type"].startswith("text/html")
    assert 'method="post" action="/login"' in page.text
    assert 'type="password"' in page.text
    assert page.headers["cache-control"] == "no-store"
