"""The answers table of `POST /telemetry` (wire.md section 1), over real connections."""

import gzip
import json
from collections.abc import Callable

import msgspec
import pytest
from stored_data import StoredData

from running_service import Answer, Client, Service, post_all, report, wait_until

MAX_BODY_BYTES = 262_144
AS_JSON = {"Accept": "application/json"}
AS_GZIP = {"Content-Encoding": "gzip"}
TEXT, JSON = "text/plain; charset=utf-8", "application/json"
REFUSALS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "body: "),
    "no JSON": (b"\xff\x00\xfe", "body: "),
    "array": (b"[]", "body: "),
    "scalar": (b"1", "body: "),
    "64 levels": (b'{"a":' * 64 + b"1" + b"}" * 64, "body: "),
    "200,000 levels": (b"[" * 200_000, "body: "),
    "no random_id": (b'{"type":"lxc","nsapp":"a","status":"success"}', "random_id: missing"),
    "no type": (b'{"random_id":"x","nsapp":"a","status":"success"}', "type: missing"),
    "no nsapp": (b'{"random_id":"x","type":"lxc","status":"success"}', "nsapp: missing"),
    "no status": (b'{"random_id":"x","type":"lxc","nsapp":"a"}', "status: missing"),
    "unknown type": (b'{"random_id":"x","type":"canary","nsapp":"a","status":"success"}', "type: "),
    "address as app": (b'{"random_id":"x","type":"lxc","nsapp":"203.0.113.9","status":"success"}', "nsapp: "),
    "object as id": (b'{"random_id":{"canary":1},"type":"lxc","nsapp":"a","status":"success"}', "random_id: "),
}


# 202


def test_accepted(client: Client) -> None:
    answer = client.post(report())
    assert (answer.status, answer.text, answer.headers["content-type"]) == (202, "accepted", TEXT)
    assert "x-telemetry-dropped" not in answer.headers
    answer = client.post(report(), AS_JSON)
    assert (answer.status, json.loads(answer.text)) == (202, {"status": "accepted"})
    assert answer.headers["content-type"] == JSON


def test_dropped_fields_are_named_and_never_repeated(client: Client) -> None:
    payload = report(disk_size="canary-1", os_type="canary-2", status="canary-3", repo_slug="canary/4")
    answer = client.post(payload)
    assert answer.status == 202
    assert set(answer.headers["x-telemetry-dropped"].split(",")) == {"disk_size", "os_type", "status", "repo_slug"}
    assert "canary" not in str(answer)
    answer = client.post(report(exit_code=999))
    assert answer.headers["x-telemetry-dropped"] == "exit_code"


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "image/png", None])
def test_content_type_is_not_looked_at(client: Client, content_type: str | None) -> None:
    assert client.post(report(), {"Content-Type": content_type} if content_type else {}).status == 202


def test_accepted_means_stored(new_service: Callable[..., Service]) -> None:
    service = new_service().start()
    payload = report(nsapp="immich", status="failed", exit_code=100, error="xyzzy-canary-7f3a: no such file")
    assert service.client().post(payload).status == 202
    service.kill()
    assert StoredData(service.data).last_seq() == 1
    service.start()
    StoredData(service.data).wait_until_folded()
    (installation,) = StoredData(service.data).installations().values()
    assert (installation["nsapp"], installation["status"], installation["exit_code"]) == ("immich", "failed", 100)
    assert "canary" not in str(installation["error"])


# 400


@pytest.mark.parametrize("case", REFUSALS)
def test_refused_names_the_field_and_never_the_value(client: Client, case: str) -> None:
    body, reason = REFUSALS[case]
    answer = client.post(body)
    assert (answer.status, answer.headers["content-type"]) == (400, TEXT)
    assert answer.text.startswith(reason)
    assert "canary" not in answer.text
    assert "203.0.113.9" not in answer.text
    as_json = client.post(body, AS_JSON)
    assert (as_json.status, as_json.headers["content-type"]) == (400, JSON)
    assert json.loads(as_json.text) == {"error": answer.text.rstrip("\n")}
    assert client.post(report()).status == 202  # on the same connection


# 405


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND"])
def test_another_method(client: Client, method: str) -> None:
    answer = client.send(method, "/telemetry")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert answer.text.startswith("" if method == "HEAD" else "method: ")
    assert client.send(method, "/telemetry", headers=AS_JSON).headers["content-type"] == JSON


# 413


def test_a_body_of_the_largest_size_is_accepted(client: Client) -> None:
    body = msgspec.json.encode(report(error=""))
    body = body.replace(b'"error":""', b'"error":"' + b"x" * (MAX_BODY_BYTES - len(body)) + b'"')
    assert len(body) == MAX_BODY_BYTES
    assert client.post(body).status == 202
    assert client.post(gzip.compress(body), AS_GZIP).status == 202
    assert client.post(gzip.compress(body + b" "), AS_GZIP).status == 413
    assert client.post(body + b" ").status == 413


def test_a_body_of_a_megabyte(client: Client) -> None:
    answer = client.post(report(error="x" * 1_000_000), AS_JSON)
    assert (answer.status, answer.headers["content-type"]) == (413, JSON)
    assert json.loads(answer.text)["error"].startswith("body: ")


# 503


def test_an_inbox_over_its_bound_is_unavailable_until_it_is_folded(new_service: Callable[..., Service]) -> None:
    service = new_service(INBOX_MAX_MB="1", EXTENDED_FIELDS="cpu_model,gpu_model,ram_speed").start()
    stored, client = StoredData(service.data), service.client()
    service.pause_worker()
    text = {"cpu_model": "c" * 64, "gpu_model": "g" * 64, "ram_speed": "r" * 64}
    answers: list[Answer] = []
    while all(answer.status == 202 for answer in answers[-100:]):
        assert len(answers) < 10_000
        answers += post_all(service, [report(**text) for _ in range(500)])
    refused = [answer for answer in answers if answer.status != 202]
    assert {answer.status for answer in refused} == {503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    as_json = client.post(report(), AS_JSON)
    assert (as_json.status, as_json.headers["content-type"]) == (503, JSON)
    assert stored.last_seq() == len(answers) - len(refused)
    service.resume_worker()
    wait_until(lambda: client.post(report()).status == 202, "room in the inbox")
    stored.wait_until_folded()
    assert len(stored.installations()) == len(answers) - len(refused) + 1
    stored.check_counted_once()
