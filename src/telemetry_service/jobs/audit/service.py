"""Claims about the running service: what it answers without a token, and over what."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import msgspec

from telemetry_service.core.audit.findings import Result, judged, many, unclear
from telemetry_service.core.record.in_force import NO_TLS, TLS_BY_PROXY, TLS_BY_SERVICE
from telemetry_service.jobs.audit.place import Place

TIMEOUT_SECONDS = 10.0
PATHS = tuple(f"/api/{name}?days={days}&repo=all" for name in ("dashboard", "errors", "scripts") for days in (0, 1, 30))
# Whole numbers of these answers that count no installations.
NO_COUNTS = {"step", "exit_code", "top_exit_code", "days_old", "up_to", "unique_apps", "total_scripts"}
NOT_RUNNING = "the service does not run on this directory, or not where it can be asked"


def published(place: Place) -> Result:
    """What is published moved in steps of k."""
    k = place.settings.publish_min_count
    faults = []
    for table in ("public_count_day", "public_count_month"):
        if n := place.number(f"SELECT count(*) FROM {table} WHERE n % ? <> 0 OR n < ?", k, k):
            faults.append(f"{table}: {n} counts are no multiples of {k}")
    if n := place.number("SELECT count(*) FROM public_gauge WHERE n % ? <> 0 OR n < 0", k):
        faults.append(f"public_gauge: {n} figures are no multiples of {k}")
    rows = place.number("SELECT (SELECT count(*) FROM public_count_day) + (SELECT count(*) FROM public_count_month)")
    return judged(faults, many(rows, "count"))


def served(place: Place) -> Result:
    """What is answered without a token now counts in steps of k."""
    if place.address is None:
        return unclear(NOT_RUNNING)
    k = place.settings.publish_min_count
    faults, number = [], 0
    for path in PATHS:
        try:
            counts = list(_counts(msgspec.json.decode(_ask(place, path))))
        except (OSError, http.client.HTTPException, msgspec.DecodeError):
            return unclear(NOT_RUNNING)
        number += len(counts)
        wrong = sum(n % k != 0 for n in counts)
        if wrong:
            faults.append(f"{path}: {wrong} counts are no multiples of {k}")
    return judged(faults, f"{len(PATHS)} answers, {many(number, 'count')}")


def _ask(place: Place, path: str) -> bytes:
    assert place.address is not None
    connection: http.client.HTTPConnection
    if place.state.tls == TLS_BY_SERVICE:
        connection = http.client.HTTPSConnection(*place.address, timeout=TIMEOUT_SECONDS, context=_client())
    else:
        connection = http.client.HTTPConnection(*place.address, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path, headers={"accept": "application/json"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise http.client.HTTPException(f"status {answer.status}")
        return body
    finally:
        connection.close()


def _counts(value: Any) -> Iterator[int]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in NO_COUNTS:
                yield from _counts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _counts(inner)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value


def tls(place: Place) -> Result:
    """The service speaks TLS 1.3 and nothing else, where it says so."""
    if place.state.tls == NO_TLS:
        return unclear("set TLS_CERT_FILE, or PROXY_TLS=true if a proxy in front of the service speaks TLS 1.3")
    if place.state.tls == TLS_BY_PROXY:
        return unclear("the operator says so (PROXY_TLS); a proxy cannot be seen from here")
    if place.address is None:
        return unclear(NOT_RUNNING)
    faults = []
    try:
        if not _speaks(place.address, ssl.TLSVersion.TLSv1_3):
            faults.append("it does not speak TLS 1.3")
        if _speaks(place.address, ssl.TLSVersion.TLSv1_2):
            faults.append("it speaks TLS 1.2")
        if _speaks_plainly(place.address):
            faults.append("it answers without TLS")
    except ConnectionRefusedError:
        return unclear(NOT_RUNNING)
    return judged(faults, "TLS 1.3 is spoken, TLS 1.2 and plain HTTP are not")


def _speaks(address: tuple[str, int], version: ssl.TLSVersion) -> bool:
    context = _client()
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(address, TIMEOUT_SECONDS) as connection:
        try:
            with context.wrap_socket(connection):
                return True
        except OSError:
            return False


def _speaks_plainly(address: tuple[str, int]) -> bool:
    with socket.create_connection(address, TIMEOUT_SECONDS) as connection:
        try:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
        except OSError:
            return False


def _client() -> ssl.SSLContext:
    """For asking oneself: which certificate it is does not matter here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
