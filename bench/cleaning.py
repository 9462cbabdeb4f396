"""What does it cost to find the cause in a log and clean it?"""

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.table import Line
from telemetry_service.core.clean import clean_error
from telemetry_service.core.distil import distil
from telemetry_service.core.intake import Explainer
from telemetry_service.core.scrub import Scrubber

QUESTION = "What does it cost to find the cause in a log and clean it? (processor time of one core)"
TESTS = Path(__file__).parents[1] / "tests"
LOG_BYTES = 128 * 1024
ADVERSARIAL_BYTES = 10 * 1024
LIMIT = 120
STEPS = (
    "Get:{n} http://archive.ubuntu.com/ubuntu bookworm/main amd64 libfoo{n} amd64 1.{n}-2 [{n}23 kB]",
    "Selecting previously unselected package libfoo{n}.",
    "Unpacking libfoo{n} (1.{n}-2) ...",
    "Setting up libfoo{n} (1.{n}-2) ...",
    "{t} node-{n} systemd[1]: Started app-{n}.service - worker {n}.",
    "npm http fetch GET 200 https://registry.yarnpkg.com/left-pad-{n} {n}ms (cache miss)",
    "Step {n}/90 : RUN pip install --no-cache-dir package{n}==1.{n}.0",
    "  CC      src/module_{n}.o",
    "curl: (22) The requested URL returned error: 404 for 10.0.{m}.{n}",
)
FAILURES = (
    "E: Unable to locate package libfoo{n}",
    "curl: (7) Failed to connect to mirror{n}.example.net port 443 after {n} ms: Connection refused",
    "npm ERR! ENOSPC: no space left on device, write '/opt/app{n}/node_modules'",
    "/usr/bin/install.sh: line {n}: docker: command not found",
    'psycopg2.OperationalError: FATAL: password authentication failed for user "user{n}"',
    "fatal: unable to access 'https://git{n}.example.lan/x/y.git/': Could not resolve host: git{n}.example.lan",
    "dpkg: error processing package app{n} (--configure): installed post-installation script returned error exit status {n}",
    "cp: cannot stat '/home/user{n}/config.yml': No such file or directory",
)
# What rules begin with, repeated: each start is tried, none ends. The cases of all rules are repeated as well.
PIECES = (
    *("a:", "1.", "10.0.0.1 ", "a@", "password=", "a-", '"', "http://a:b@", "user ", "<", "(", "eyJ", "x.", "\n", "\\"),
    *("host h1-x ", "uid=1(a)", "-----BEGIN A-----", "key_", "connect to a", "E: Depends: ", "Caused by: ", "ü@ö.de "),
)


def run(_seconds: float, rounds: int) -> Iterator[Line]:
    """Warm, as it is after the first events of a process, except where it says otherwise."""
    begin = time.process_time()
    scrubber = Scrubber()
    yield Line("make a scrubber", f"{(time.process_time() - begin) * 1e3:.0f} ms")
    explain = Explainer(lambda: scrubber, LIMIT)
    begin = time.process_time()
    explain.prepare()
    yield Line("prepare it with usual lines", f"{(time.process_time() - begin) * 1e3:.0f} ms")
    events = [partial(explain, text, 1) for text in corpus()]
    yield Line("failed event of the corpus, the first 50", f"{_mean(events[:50], 0) * 1e3:.2f} ms")
    yield _below("failed event of the corpus, others, each seen once", _mean(events[50:], 0) * 1e3, 1, "ms")
    yield _below("failed event of 2 KiB", _mean(failed_events(explain, 2), rounds) * 1e3, 1, "ms")
    for name, text in (("log", log(LOG_BYTES)), ("log made of the corpus", "\n".join(corpus())[:LOG_BYTES])):
        kib = len(text) / 1024
        yield _below(f"scrub a {name}", _best(partial(scrubber.scrub, text), rounds) / kib * 1e6, 300, "us/KiB")
        yield Line(f"distil a {name}", f"{_best(partial(distil, text), rounds) / kib * 1e6:.0f} us/KiB")
        whole = _best(partial(clean_error, text, "", scrubber, LIMIT), rounds)
        yield _below(f"128 KiB {name}, whole", whole * 1e3, 50, "ms")
    pieces = [*PIECES, *(piece + gap for piece in _cases() for gap in ("", " "))]
    slow = sorted(pieces, key=lambda piece: _once(partial(adversarial, scrubber, piece)), reverse=True)[:12]
    worst, piece = max((_best(partial(adversarial, scrubber, piece), rounds), piece) for piece in slow)
    yield _below(f"worst 10 KiB ({piece[:40]!r} repeated)", worst * 1e3, 20, "ms")


def corpus() -> list[str]:
    """Error texts of many tools, with numbers of their own so that no text is seen twice, in no order."""
    chance = random.Random(5)
    texts = [json.loads(line)["error"] for line in (TESTS / "corpora" / "distil_own.jsonl").read_text("utf-8").splitlines()]
    chance.shuffle(texts)
    return [re.sub(r"\b\d{1,4}\b", lambda found: str(chance.randrange(10 ** len(found[0]))), text) for text in texts]


def _cases() -> list[str]:
    lines = (TESTS / "core" / "scrub" / "rule_cases.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["fires"] for line in lines]


def log(size: int) -> str:
    """An installation log of `size` characters that ends in a failure."""
    lines: list[str] = []
    length, number = 0, 0
    while length < size:
        number += 1
        stamp = f"Nov 11 11:{number // 60 % 60:02}:{number % 60:02}"
        lines.append(STEPS[number % len(STEPS)].format(n=number % 250, m=number % 199, t=stamp))
        length += len(lines[-1]) + 1
    tail = "\nE: Unable to locate package libfoo"
    return "exit_code=100 | APT failed | at line 3: apt-get install -y x\n---\n" + "\n".join(lines)[: size - 102] + tail


def failed_events(explain: Explainer, seed: int) -> Sequence[Callable[[], object]]:
    """Failed events of 2 KiB, with numbers of their own."""
    head = f"exit_code=1 | General error | at line {seed}: $STD run\n---\n{log(2048)[100:1900]}\n"
    return [partial(explain, head + failure.format(n=seed * 40 + number), 1) for number, failure in enumerate(FAILURES)]


def adversarial(scrubber: Scrubber, piece: str) -> None:
    scrubber.gate(scrubber.scrub((piece * ADVERSARIAL_BYTES)[:ADVERSARIAL_BYTES]).text)


def _below(what: str, measured: float, goal: float, unit: str) -> Line:
    return Line(what, f"{measured:.2f} {unit}", f"<= {goal} {unit}", measured <= goal)


def _best(work: Callable[[], object], rounds: int) -> float:
    return min(_once(work) for _ in range(rounds + 1))


def _mean(works: Sequence[Callable[[], object]], rounds: int) -> float:
    return sum(_best(work, rounds) for work in works) / len(works)


def _once(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin
