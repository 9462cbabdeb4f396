"""Weigh the lines of a log and choose the one that explains the failure."""

from __future__ import annotations

import re
from typing import NamedTuple

from telemetry_service.core.distil.families import families_of
from telemetry_service.core.distil.header import Header
from telemetry_service.core.distil.lines import Line
from telemetry_service.core.distil.match import SIGNS, signs_of_lines
from telemetry_service.core.distil.sign import Kind, Sign

UNCAPPED = 92  # a cause this heavy counts even on a line that otherwise reports a consequence
CANDIDATE = 45  # from this weight on a line is taken for a cause
CLUSTER_GAP = 25  # so many lines without a candidate end a cluster
CLUSTER_LOSS = 10  # per later cluster of candidates: the run went on after an earlier one
CLUSTER_LOSS_MAX = 24
LEAD_MAX = 68  # a line up to this weight that ends in a colon hands its weight to the next line
VERDICT = (0, 55, 70)  # at least, by Line.verdict
SPEAKER_GAIN = 6  # the line is signed by the program that failed
CHATTER_MAX = 24  # of a line signed by a tool whose failures scripts often ignore, unless a resource is exhausted
FAMILY_GAIN = 5  # the line is about the program that failed
CHAINED = 88  # the line under a lone `Caused by:`; of several the last
FETCH_ERROR = 91  # the line under `Err:1 http://...` is why apt could not fetch it
LEAST = 20  # less than this explains nothing
UNKNOWN_LAST = 40  # the last line of a log without any sign
CERTAIN = 60  # less than this loses to a header which names a signal or a timeout

# Ended from outside: the log need not hold the reason.
_CUT_SHORT = frozenset({124, 134, 137, 139, 143})


_SPEAKER = re.compile(r"(?:/\S{1,60}/)?([a-z][\w.+-]{1,30})(?:\[\d{1,8}\])?: ")
_FETCH_ERROR = re.compile(r"Err:\d+ ")
_CHAIN = re.compile(r"(?i)caused by:$")
_ANNOUNCEMENT = re.compile(r":$|^\[[\w\\.]+(?:Exception|Error)\]$")  # PHP's consoles print the class in a line of its own
_CHATTER = frozenset(
    [
        "rm",
        "ln",
        "rmdir",
        "ls",
        "cat",
        "grep",
        "egrep",
        "find",
        "kill",
        "pkill",
        "killall",
        "pgrep",
        "which",
        "mkdir",
        "chmod",
        "id",
        "stat",
        "umount",
        "sed",
        "mv",
        "touch",
        "head",
        "tail",
        "awk",
        "cut",
        "readlink",
    ]
)


class Candidate(NamedTuple):
    """A weighed line; `place` is its number in the log."""

    weight: int
    place: int
    line: Line
    last: bool


def weigh(signs: list[Sign], families: tuple[str, ...] = ()) -> tuple[int, bool, bool]:
    """(weight, last, progress) of a line from the signs that fire on it and the families of the program that failed."""
    weight, last, loss, cap, cover, went_on = 0, False, 0, 100, 0, False
    for sign in signs:
        if sign.kind is Kind.CAUSE:
            if _with_family(sign, families) > weight:
                weight, last = _with_family(sign, families), sign.last
        elif sign.kind is Kind.CONSEQUENCE:
            cap = min(cap, sign.weight)
        elif sign.kind is Kind.WARNING:
            loss = max(loss, sign.weight)
        else:
            cover = max(cover, sign.weight)
            went_on = went_on or sign.kind is Kind.PROGRESS
    if cover and weight <= cover:
        return 0, False, went_on
    if cap < weight < UNCAPPED or (cap < 100 and not weight):
        weight = cap
    return max(weight - loss, 0), last, False


def _with_family(sign: Sign, families: tuple[str, ...]) -> int:
    if sign.name.partition("/")[0] in families and sign.weight < UNCAPPED:
        return min(sign.weight + FAMILY_GAIN, UNCAPPED - 1)
    return sign.weight


def choose(lines: list[Line], header: Header) -> Candidate | None:
    """The line that explains the failure best, or None if none does."""
    weighed = _weigh_all(lines, families_of(header))
    candidates: list[tuple[Candidate, int]] = []
    cluster, seen_at, heir = 0, -1, 0
    for index, line in enumerate(lines):
        weight, last, went_on, signed = weighed[line.body]
        if weight or not signed:
            weight = _corrected(line, header.program, weight)
            last = last or weight == CHATTER_MAX
        inherits = bool(heir) and not _silent(line) and (not signed or CANDIDATE <= weight < heir)
        if inherits:
            weight, last = heir, heir == CHAINED
        if weight >= CANDIDATE or not weight:
            heir = 0
        if weight >= CANDIDATE:
            cluster += seen_at >= 0 and index - seen_at > CLUSTER_GAP
            seen_at = index
            heir = 0 if inherits else _bequest(line.body, weight)
        elif went_on and seen_at >= 0:
            cluster += 1
            seen_at = -1
        if weight >= LEAST:
            candidates.append((Candidate(weight, index, line, last), cluster))
    best = _best(candidates, cluster)
    words = _last_words(lines, weighed) if best is None or best.weight < CANDIDATE else None
    return words if words and (best is None or words.place > best.place) else best


def _weigh_all(lines: list[Line], families: tuple[str, ...]) -> dict[str, tuple[int, bool, bool, bool]]:
    """(weight, last, progress, any sign) by body; equal bodies are looked at once."""
    bodies = {line.body: (" " if line.indent else "") + line.body for line in lines}
    fired = signs_of_lines(list(bodies.values()))
    return {
        body: (*weigh([SIGNS[number] for number in numbers], families), bool(numbers))
        for body, numbers in zip(bodies, fired, strict=True)
    }


def _corrected(line: Line, program: str, weight: int) -> int:
    """The weight after the program's own verdict and the tool that signs the line are heard."""
    weight = max(VERDICT[line.verdict], weight)
    speaker = _SPEAKER.match(line.body)
    if speaker and speaker[1] == program:
        return weight + SPEAKER_GAIN
    return min(weight, CHATTER_MAX) if speaker and speaker[1] in _CHATTER and weight < UNCAPPED else weight


def _bequest(body: str, weight: int) -> int:
    """What the next line weighs at least, because this one only announces it."""
    if _FETCH_ERROR.match(body):
        return FETCH_ERROR
    if _CHAIN.match(body):
        return CHAINED
    return weight + 1 if weight <= LEAD_MAX and len(body) < 160 and _ANNOUNCEMENT.search(body) else 0


def _silent(line: Line) -> bool:
    return not any(character.isalpha() for character in line.body)


def _best(candidates: list[tuple[Candidate, int]], clusters: int) -> Candidate | None:
    best: Candidate | None = None
    best_key = (0, 0, 0)
    for candidate, cluster in candidates:
        loss = min(CLUSTER_LOSS * (clusters - cluster), CLUSTER_LOSS_MAX)
        key = (candidate.weight - loss, cluster, candidate.place if candidate.last else -candidate.place)
        if best is None or key > best_key:
            best, best_key = candidate, key
    return best


def _last_words(lines: list[Line], weighed: dict[str, tuple[int, bool, bool, bool]]) -> Candidate | None:
    """The last sentence of a log on which no sign fires."""

    def unsigned(place: int) -> bool:
        return not weighed[lines[place].body][3] and len(lines[place].body) > 3 and not _silent(lines[place])

    place = next((place for place in range(len(lines) - 1, -1, -1) if unsigned(place)), None)
    if place is None:
        return None
    while place and lines[place].body[0].islower() and unsigned(place - 1) and lines[place - 1].body[0].isupper():
        place -= 1
    return Candidate(UNKNOWN_LAST, place, lines[place], True)


def outweighed(candidate: Candidate, header: Header) -> bool:
    """Whether the header says more than the chosen line: the user stopped the run, or a signal or a time limit did."""
    return header.cancelled or (header.exit_code in _CUT_SHORT and candidate.weight < CERTAIN)
