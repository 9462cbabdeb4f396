"""Looking in two ways: who found what, what is remembered, and what stored lines are made of passes."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from explaining import EXPLAIN
from telemetry_service.core.scrub.public_hosts import PublicHosts
from telemetry_service.jobs.audit import looking
from telemetry_service.jobs.audit.looking import Looking

CORPUS = Path(__file__).parent.parent / "corpora" / "distil_own.jsonl"


def fake(found: dict[str, str]) -> Callable[[str], str]:
    return lambda text: found.get(text, text)


def look(found: dict[str, str] | None = None) -> Looking:
    return Looking(fake(found or {}), PublicHosts())


def test_either_of_them_is_enough() -> None:
    assert look().kinds("at 10.1.2.3") == {"IPv4 address (second look)"}
    assert look({"at ten": "at <ipv4>"}).kinds("at ten") == {"IPv4 address (scrubber)"}
    assert look({"at ten": "at <user>"}).kinds("at ten") == {"user (scrubber)"}
    assert look({"at ten": "at"}).kinds("at ten") == {"text that it changes (scrubber)"}
    assert look({"<ipv4> at x": "<ipv4> at <ipv4>"}).kinds("<ipv4> at x") == {"IPv4 address (scrubber)"}


def test_names_are_no_lines() -> None:
    found = {"cloudbox": "<host>", "nas.smith": "<host>", "ten": "<ipv4>", "anna": "<user>"}
    assert look(found).kinds("cloudbox", by="name") == set()
    assert look(found).kinds("anna", by="name") == set()
    assert look(found).kinds("nas.smith", by="name") == {"host name (scrubber)"}
    assert look(found).kinds("ten", by="name") == {"IPv4 address (scrubber)"}
    assert look(found).kinds("ten", by="chosen") == set()


def test_a_file_at_the_beginning_of_a_line_is_no_host() -> None:
    line = "start-x.sh: line 12: ulimit: cannot modify limit"
    assert look({line: line.replace("start-x.sh", "<host>")}).kinds(line) == set()


def test_lines_that_differ_in_numbers_alone_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "REMEMBERED_TEXTS", 2)
    seen: list[str] = []

    def scrub(text: str) -> str:
        seen.append(text)
        return text

    one = Looking(scrub, PublicHosts())
    for text in ("line 1 of 20", "line 2 of 30", "at 1.2.3", "at 1.2.4", "line 3 of 1"):
        one.kinds(text)
    assert seen == ["line 1 of 20", "at 1.2.3", "at 1.2.4", "line 3 of 1"]
    assert len(one._harmless) <= 2


def test_where_and_how_many_and_never_what() -> None:
    found = look().faults([("a", "at 10.1.2.3", "text"), ("a", "at 10.1.2.4", "text"), ("b", "x nas.lan", "name")])
    assert found == ["a: 2 with IPv4 address (second look)", "b: 1 with host name (second look)"]


def test_every_line_that_is_stored_passes() -> None:
    errors = [msgspec.json.decode(line)["error"] for line in CORPUS.read_text().splitlines()]
    stored = {EXPLAIN(error, 1).text for error in errors[::3]}
    assert len(stored) > 50
    one = Looking(lambda text: EXPLAIN.prepare().scrub(text).text, PublicHosts())
    assert one.faults(("error", line, "text") for line in stored) == []
