"""Asking again and again, and remembering every number that was ever told."""

import http.client
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from scripts.attacker import questions, told
from scripts.attacker.told import Told

# A header that is not listed here could carry a number.
HEADERS = {
    *("content-type", "content-length", "etag", "cache-control", "vary", "date", "connection", "keep-alive", "server"),
    *("x-content-type-options", "referrer-policy", "x-frame-options", "permissions-policy", "cross-origin-opener-policy"),
    *("cross-origin-embedder-policy", "cross-origin-resource-policy", "content-security-policy", "transfer-encoding"),
    *("content-encoding", "strict-transport-security", "set-cookie", "content-disposition", "location"),
    *("www-authenticate", "retry-after"),
}
TEXT_ONLY = {"/openapi.json", "/api/exit-codes", "/healthz", "/readyz", "/api/privacy/record"}  # numbers, but none of the counts
BY_CHANCE = re.compile(r'id="read-at">[^<]*<|"time":"[^"]*"|name="csrf_token" value="[^"]*"')  # time of day, and keys of forms
LINK = re.compile(r'<a [^>]*?href="(/[^"]*)"')
PATIENCE_SECONDS = 60


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    text: str


class Attacker:
    """Everything that was found out: `findings` in words; `read` and `grown` tell that numbers were there and moved.

    `said` holds what was last answered to each question: status, kind and text, but for what changes by itself.
    """

    def __init__(self, address: tuple[str, int], k: int, seed: int, token: str = "") -> None:
        self.findings: list[str] = []
        self.read = 0
        self.grown = 0
        self.asked = 0
        self.said: dict[str, tuple[int, str, str]] = {}
        self._k = k
        self._token = token
        self._dice = random.Random(seed)
        self._connection = http.client.HTTPConnection(*address, timeout=PATIENCE_SECONDS)
        self._told: dict[tuple[str, str], int] = {}
        self._apps: list[str] = []

    def __enter__(self) -> "Attacker":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def get(self, path: str) -> Answer:
        accept = {"accept": "text/html" if not path.startswith("/api/") else "application/json"}
        credentials = {"authorization": f"Bearer {self._token}"} if self._token else {}
        for attempt in range(2):  # a kept connection may be closed just as it is used
            try:
                self._connection.request("GET", path, headers=accept | credentials)
                response = self._connection.getresponse()
                text = response.read().decode()
                break
            except (ConnectionError, http.client.HTTPException):
                self._connection.close()
                if attempt:
                    raise
        self.asked += 1
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, text)

    def round(self, each: int = 40, pages: int = 40) -> None:
        """Ask every operation, `each` at most so many times, every page, and some `pages` more that links lead to."""
        operations = json.loads(self.get("/openapi.json").text)["paths"]
        self._apps = [row["app"] for row in json.loads(self.get("/api/scripts?days=0&repo=all").text)["top_scripts"]]
        for path, methods in operations.items():
            operation = methods.get("get")
            if operation is None:
                continue
            for address in questions.of_operation(path, operation, self._apps, self._dice, each):
                self._ask(address, locked=questions.needs_token(operation))
        self._walk(pages)

    def _walk(self, most: int) -> None:
        """Every page there is, then over links as chance leads deeper, to each kind of page as often as to others."""
        waiting: defaultdict[str, list[str]] = defaultdict(list)
        asked: Counter[str] = Counter()
        first = list(questions.of_pages(self._dice, most // 3))
        seen = set(first)
        for number in range(len(first) + most):
            if number < len(first):
                address = first[number]
            elif any(waiting.values()):
                rarest = min((kind for kind, addresses in waiting.items() if addresses), key=lambda kind: asked[kind])
                address = waiting[rarest].pop(self._dice.randrange(len(waiting[rarest])))
            else:
                return
            asked[_kind(address)] += 1
            for link in LINK.findall(self._ask(address, locked=False).text):
                found = link.replace("&amp;", "&").replace("&#39;", "'").replace("&#34;", '"')
                if found not in seen and not found.startswith(("/static/", "/login", "/records")):
                    seen.add(found)
                    waiting[_kind(found)].append(found)

    def _ask(self, address: str, *, locked: bool) -> Answer:
        answer = self.get(address)
        path = urlsplit(address).path
        if not locked:
            self.said[address] = (answer.status, answer.headers.get("content-type", ""), BY_CHANCE.sub("", answer.text))
        for name in answer.headers.keys() - HEADERS:
            self.findings.append(f"{address}: header {name}: {answer.headers[name]}")
        if locked and not self._token:
            if answer.status not in (401, 403):
                self.findings.append(f"{address}: answered {answer.status} without a token")
        elif answer.status == 200 and path not in TEXT_ONLY:
            self._note(address, self._numbers(address, answer))
        elif answer.status not in (200, 304, 404):
            self.findings.append(f"{address}: {answer.status}")
        return answer

    def _numbers(self, address: str, answer: Answer) -> Iterable[Told]:
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if kind == "application/json":
            value: Any = json.loads(answer.text)
            self.findings += [f"{address}: {found}" for found in told.unexplained(value)]
            return told.in_json(value)
        if kind == "text/html":
            return told.in_page(answer.text)
        if kind == "image/svg+xml":
            return told.in_badge(answer.text)
        if kind == "text/plain":
            return told.in_metrics(answer.text)
        self.findings.append(f"{address}: nobody has explained what {kind} tells")
        return ()

    def _note(self, address: str, numbers: Iterable[Told]) -> None:
        """Multiples of k alone are told, so no sum and no difference of them, over anything, is 1 to k-1."""
        for where, n in numbers:
            self.read += 1
            if n % self._k:
                self.findings.append(f"{address}: {where} is {n}")
            before = self._told.get((address, where), 0)
            self.grown += n > before > 0
            self._told[address, where] = n


def _kind(address: str) -> str:
    """What pages have in common that differ in filters and names alone."""
    parts = urlsplit(address)
    section, *deeper = parts.path.removeprefix("/").split("/")
    return f"{section} {bool(deeper)} {'by=' in parts.query}"
