"""Decoding and repair: what a body becomes, and that no body breaks it."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.errors import Rejected
from telemetry_service.core.literals import read_literal, unescape
from telemetry_service.core.repair import MAX_DEPTH, MAX_REPAIRED_MEMBERS, REQUIRED, decode, repair

GOLDEN = Path(__file__).parent.parent / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.body"))
KNOWN = frozenset(json.loads((GOLDEN / "strict_heredoc.expected.json").read_text())["fields"])
MAX_BODY_BYTES = 262144

HEREDOC = (GOLDEN / "strict_heredoc.body").read_bytes()
COMPACT = (GOLDEN / "strict_compact.body").read_bytes()
QUOTES = (GOLDEN / "quotes_multiline.body").read_bytes()
PAYLOADS = [HEREDOC, COMPACT, QUOTES]
HEAD = b'{"random_id":"a","type":"lxc","nsapp":"b","status":"failed",'
FIELDS = {"random_id": "a", "type": "lxc", "nsapp": "b", "status": "failed"}


def attempt(body: bytes) -> dict[str, Any] | Rejected:
    try:
        return decode(body, KNOWN)
    except Rejected as refusal:
        return refusal


def outcome(body: bytes) -> dict[str, Any]:
    """Fields or refusal as a golden file states them; fails on any other exception and on text that is not UTF-8."""
    fields = attempt(body)
    if isinstance(fields, Rejected):
        assert str(fields) == f"{fields.field}: {fields.reason}"
        assert fields.field in {"body", *REQUIRED}
        return {"rejected": str(fields)}
    assert all(key == key.lower() for key in fields)
    msgspec.json.encode(fields)
    return {"fields": fields}


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    expected = json.loads((GOLDEN / f"{case}.expected.json").read_text())
    actual = outcome((GOLDEN / f"{case}.body").read_bytes())
    assert actual == expected
    assert json.dumps(actual, sort_keys=True) == json.dumps(expected, sort_keys=True)  # 1 is not True, 1e3 is not 1000


def test_every_golden_file_has_both_parts() -> None:
    assert len(CASES) > 80
    assert sorted(path.name.removesuffix(".expected.json") for path in GOLDEN.glob("*.expected.json")) == CASES


# A strict JSON object of any shape, in every way that it can be written.
scalars = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from("\"\\{}[]:, \n\tae'x_u0"))
keys = (texts | st.sampled_from(sorted(KNOWN))).map(str.lower)
values = st.recursive(
    scalars | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(keys.filter(lambda key: key == key.lower()), values, max_size=8)


@given(objects, st.sampled_from([None, 0, 4]), st.booleans(), st.sampled_from([(",", ":"), (" , ", " : "), (",\r\n", ":")]))
def test_repair_of_strict_json_changes_nothing(
    value: dict[str, Any], indent: int | None, ascii_only: bool, separators: tuple[str, str]
) -> None:
    body = json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators).encode()
    strict = msgspec.json.decode(body)
    assert decode(body, KNOWN) == strict
    assert repair(body, KNOWN) == strict
    assert list(repair(body, KNOWN)) == list(strict)


@given(st.lists(st.tuples(st.sampled_from(["status", "Status", "STATUS", "type"]), st.integers(0, 9)), max_size=6))
def test_last_of_equal_keys_wins_in_any_case(pairs: list[tuple[str, int]]) -> None:
    body = "{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}"
    assert decode(body.encode(), KNOWN) == {key.lower(): value for key, value in pairs}


@given(st.binary(max_size=300) | st.text("{}[]\":,\\'\n x0\ufeff").map(str.encode))
def test_any_bytes_give_fields_or_a_refusal(body: bytes) -> None:
    outcome(body)
    outcome(HEAD + body)
    outcome(HEAD + b'"error":"' + body)


@given(
    st.sampled_from(PAYLOADS),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 5), st.binary(max_size=3) | st.sampled_from([b'"', b"\\", b"}", b","])),
        max_size=5,
    ),
)
def test_mutated_payload_gives_fields_or_a_refusal(body: bytes, edits: list[tuple[float, int, bytes]]) -> None:
    for place, removed, inserted in edits:
        at = int(place * len(body))
        body = body[:at] + inserted + body[at + removed :]
    outcome(body)


@pytest.mark.parametrize("body", [*PAYLOADS, (GOLDEN / "quotes_compact.body").read_bytes()])
def test_body_cut_at_any_byte_keeps_whole_values_only(body: bytes) -> None:
    whole = decode(body, KNOWN)
    required_end = body.index(b'"failed"') + len(b'"failed"')
    for length in range(len(body)):
        result = outcome(body[:length])
        assert ("fields" in result) == (length >= required_end)
        for name, value in result.get("fields", {}).items():
            if name == "error":
                # Cut inside a broken log the text may run on into the next key, or lack a quote: never into another value.
                assert value[:12] == whole["error"][: len(value)][:12]
            else:
                assert value == whole[name]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.booleans())
def test_escaped_log_is_never_taken_for_fields(log: str, with_fields: bool) -> None:
    if with_fields:
        log += '","status":"success","exit_code":0,\n"type":"vm"}' + log
    body = HEAD + b'"error":' + json.dumps(log).encode() + b',"disk_size":32G}'
    assert decode(body, KNOWN) == {**FIELDS, "error": log, "disk_size": "32G"}


log_texts = st.lists(
    st.sampled_from(['"', "word", " ", "\n", "{", "}", "[", ",", ":", '"id":5', "'", '","status":"success"', '"type": "vm",\n']),
    max_size=12,
).map("".join)


@given(log_texts, st.booleans())
def test_unescaped_log_behind_the_required_fields_leaves_them_alone(log: str, multi_line: bool) -> None:
    separator = b",\n    " if multi_line else b","
    body = HEAD + b'"error":"a "b" ' + log.encode() + b'"' + separator + b'"exit_code":1' + b"}"
    assert decode(body, KNOWN) == {**FIELDS, "error": 'a "b" ' + log, "exit_code": 1}


@given(log_texts)
def test_unescaped_log_before_the_required_fields_loses_to_them(log: str) -> None:
    body = b'{"error":"a "b" ' + log.encode() + b' c",' + HEAD[1:] + b'"exit_code":1}'
    result = {name: value for name, value in decode(body, KNOWN).items() if name in KNOWN}
    assert {**result, "error": ""} == {**FIELDS, "error": "", "exit_code": 1}
    assert ('a "b" ' + log + " c").startswith(result["error"])


UNITS = [
    *"\"{}[],:\\' \n1",
    "\x00",
    '\\"',
    "\\_",
    "\\x1b",
    "\\ud800",
    '"a":',
    '"type":',
    '","arch":',
    '"a":1,',
    "[]",
    '["x",',
]
UNITS += ['"a":"x" y,', '"x":{"', '"arch":x\n', "'\"", "{x}", '"a":[],', '[" ,"type":', '"type":"a"b"\n']
BEFORE = [b"", b"{", HEAD, HEAD + b'"error":"', HEAD + b'"error":"x" y ', HEAD + b'"extra":[', b'{"error":"x" y']


@pytest.mark.parametrize("unit", UNITS)
def test_largest_body_of_one_repeated_text_gives_fields_or_a_refusal(unit: str) -> None:
    for before in BEFORE:
        body = before + unit.encode() * (MAX_BODY_BYTES // len(unit))
        outcome(body[:MAX_BODY_BYTES])


def test_long_log_is_kept_whole() -> None:
    log = 'line "one" of \\x1b[0m a log\n' * 4000
    body = HEAD + b'"error":"' + log.encode() + b'","exit_code":1}'
    assert decode(body, KNOWN) == {**FIELDS, "error": log.replace("\\x1b", "\x1b"), "exit_code": 1}


@pytest.mark.parametrize("suffix", ["1", "1G"])
@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"a":', "}")])
def test_depth_counts_brackets_outside_strings(suffix: str, opening: str, closing: str) -> None:
    def body(depth: int) -> bytes:
        inner = opening * (depth - 1) + "1" + closing * (depth - 1)
        return HEAD + f'"error":"{"[" * 99}","extra":{inner},"disk_size":{suffix}}}'.encode()

    assert "extra" in decode(body(MAX_DEPTH), KNOWN)
    with pytest.raises(Rejected, match=r"^body: nested deeper than 32$"):
        decode(body(MAX_DEPTH + 1), KNOWN)


def test_members_are_bounded_in_repair_only() -> None:
    def body(members: int, last: str) -> bytes:
        return HEAD + b'"a":1,' * (members - len(FIELDS) - 1) + f'"b":{last}}}'.encode()

    assert decode(body(MAX_REPAIRED_MEMBERS + 1, "1"), KNOWN) == {**FIELDS, "a": 1, "b": 1}
    assert decode(body(MAX_REPAIRED_MEMBERS, "1G"), KNOWN) == {**FIELDS, "a": 1, "b": "1G"}
    with pytest.raises(Rejected, match=r"^body: not strict JSON, and more than 1024 members$"):
        decode(body(MAX_REPAIRED_MEMBERS + 1, "1G"), KNOWN)


def test_refusal_holds_no_value() -> None:
    for body in (
        b'{"canary":canary',
        b'canary {"type":"canary\xff","nsapp":"canary"',
        b'["canary"]',
        b'{"canary":' * 99,
    ):
        with pytest.raises(Rejected) as refusal:
            decode(body, KNOWN)
        assert "canary" not in str(refusal.value)
        assert refusal.value.__context__ is None


@given(st.text(st.characters(exclude_categories=["Cs"])), st.booleans())
def test_unescape_reads_every_json_string(text: str, ascii_only: bool) -> None:
    assert unescape(json.dumps(text, ensure_ascii=ascii_only)[1:-1]) == text


@given(st.text() | st.text('\\ud8cfx1be[033n"').map(lambda text: text * 3))
def test_unescaped_text_can_be_encoded(raw: str) -> None:
    if not any("\ud800" <= character <= "\udfff" for character in raw):
        unescape(raw).encode()


@given(scalars)
def test_literal_reads_every_json_scalar(value: float | bool | None) -> None:
    result = read_literal(json.dumps(value))
    assert (result, type(result)) == (value, type(value))


@pytest.mark.parametrize("token", ["lxc", "32G", "8.2.4", "1.", ".5", "0x10", "-", "+", "1e400", "nano", "9" * 5000, "١"])
def test_literal_leaves_other_words_as_they_are(token: str) -> None:
    assert read_literal(token) == token
