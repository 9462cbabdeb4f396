"""Bodies of every kind over a real connection: each is accepted, or refused with a reason."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from running_service import Client, Service, report

GOLDEN = Path(__file__).parent.parent / "golden"
GOLDEN_BODIES = sorted(GOLDEN.glob("*.body"))
MAX_BODY_BYTES = 262_144
AS_GZIP = {"Content-Encoding": "gzip"}


def test_a_body_that_ends_early_counts_when_the_required_fields_are_whole(client: Client) -> None:
    body = msgspec.json.encode(report(error="x" * 500))
    assert client.post(body[:-200]).status == 202
    assert client.post(body[:30]).status == 400


def test_every_golden_payload_is_here() -> None:
    assert len(GOLDEN_BODIES) > 80


@pytest.mark.parametrize("body", [pytest.param(path.read_bytes(), id=path.stem) for path in GOLDEN_BODIES])
def test_golden_payload_gets_the_answer_of_its_meaning(client: Client, body: bytes, request: Any) -> None:
    case = request.node.callspec.id
    expected = json.loads((GOLDEN / f"{case}.expected.json").read_text())
    answer = client.post(body)
    if "rejected" in expected:
        assert (answer.status, answer.text) == (400, expected["rejected"] + "\n")
    else:
        strict = client.post(json.dumps(expected["fields"]).encode())
        assert (answer.status, answer.text, answer.headers) == (strict.status, strict.text, strict.headers)
        assert answer.status in (202, 400)
    packed = client.post(gzip.compress(body), AS_GZIP)
    assert (packed.status, packed.text) == (answer.status, answer.text)
    chunked = client.send("POST", "/telemetry", iter([body[:7], body[7:]]), encode_chunked=True)
    assert (chunked.status, chunked.text) == (answer.status, answer.text)


HEAD = msgspec.json.encode(report())[:-1]
FRAGMENTS = st.sampled_from(
    (
        *(
            b'"',
            b"{",
            b"}",
            b"[",
            b"]",
            b",",
            b":",
            b"\\",
            b"\n",
            b"\x1b",
            b"null",
            b"NaN",
            b"1e999",
            b"-",
            b"32G",
            b"\xef\xbb\xbf",
        ),
        *(b'"random_id"', b'"error"', b'"status":"success"', b'"exit_code":', b"\\ud800", b"\xff", b"9" * 5000),
    )
)
BODIES = (
    st.binary(max_size=400)
    | st.lists(FRAGMENTS | st.binary(max_size=6), max_size=40).map(b"".join)
    | st.lists(FRAGMENTS | st.binary(max_size=6), max_size=40).map(lambda parts: HEAD + b"," + b"".join(parts))
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, packed=st.sampled_from([False, False, True]))
@example(body=HEAD + b',"disk_size":' + b"9" * 5000 + b"}", packed=False)
@example(body=b'{"random_id":' + b"9" * 5000 + b',"type":"lxc","nsapp":"a","status":"success"}', packed=False)
@example(body=HEAD + b',"os_version":"\\ud800"}', packed=False)
@example(body=b'{"random_id":"\\ud800","type":"lxc","nsapp":"a","status":"success"}', packed=False)
def test_any_bytes_are_accepted_or_refused_with_a_reason(client: Client, body: bytes, packed: bool) -> None:
    answer = client.post(gzip.compress(body), AS_GZIP) if packed else client.post(body)
    assert answer.status in (202, 400)
    if answer.status == 400:
        field, separator, reason = answer.text.rstrip("\n").partition(": ")
        assert separator
        assert field.isidentifier()
        assert reason


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_any_bytes_as_gzip_are_refused_with_a_reason(client: Client, body: bytes) -> None:
    assert client.post(body, AS_GZIP).status == 400


def test_gzip(client: Client) -> None:
    body = msgspec.json.encode(report())
    assert client.post(gzip.compress(body), AS_GZIP).status == 202
    assert client.post(gzip.compress(body), {"Content-Encoding": "X-GZIP"}).status == 202
    assert client.post(body, {"Content-Encoding": "identity"}).status == 202
    plain = client.post(body, AS_GZIP)
    assert (plain.status, plain.text.partition(":")[0]) == (400, "body")
    deflated = client.post(zlib.compress(body), {"Content-Encoding": "deflate"})
    assert (deflated.status, deflated.text.partition(":")[0]) == (400, "body")


def test_gzip_in_members(client: Client) -> None:
    """Files that were packed one by one and joined are gzip; what stands behind the last one is not."""
    body = msgspec.json.encode(report())
    halves = gzip.compress(body[:50]) + gzip.compress(body[50:])
    assert client.post(halves, AS_GZIP).status == 202
    for behind in (b"{}", b"\0\0", gzip.compress(b" ")[:-1] + b"\1"):
        answer = client.post(halves + behind, AS_GZIP)
        assert (answer.status, answer.text) == (400, "body: not gzip, although its content encoding says so\n")
    spaces = gzip.compress(b" " * (MAX_BODY_BYTES // 2))
    assert client.post(halves + spaces, AS_GZIP).status == 202
    assert client.post(halves + spaces * 2, AS_GZIP).status == 413
    assert client.post(gzip.compress(b"") * 10_000, AS_GZIP).text == "body: more than 8 members of gzip\n"


def test_gzip_bomb_is_not_unpacked(client: Client, shared: Service) -> None:
    bomb = gzip.compress(b" " * 200_000_000)
    assert len(bomb) < MAX_BODY_BYTES
    for _ in range(3):
        assert client.post(bomb, AS_GZIP).status == 413
    peak = next(line for line in Path(f"/proc/{shared.pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 150 * 1024
