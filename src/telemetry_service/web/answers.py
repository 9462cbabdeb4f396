"""Answers as ASGI messages: the one place where outcomes become statuses."""

import re
from typing import Any

import msgspec

Send = Any
Receive = Any
Scope = dict[str, Any]
Headers = list[tuple[bytes, bytes]]

RETRY_SECONDS = 5  # how long a client should wait when the disk cannot take its report
PUBLIC_CACHE_SECONDS = 30  # how old a public answer may be
CLOSE = (b"connection", b"close")
TEXT, JSON = b"text/plain; charset=utf-8", b"application/json"


def wants_json(headers: Headers) -> bool:
    """Whether the client asked for JSON by name."""
    return any(name == b"accept" and b"application/json" in value for name, value in headers)


def wants_html(headers: Headers) -> bool:
    """Whether the client is a browser that shows the answer to someone."""
    return any(name == b"accept" and b"text/html" in value for name, value in headers)


def not_modified(headers: Headers, etag: str) -> bool:
    """Whether the client has this answer already; tags are compared weakly (RFC 9110, 13.1.2)."""
    plain = etag.removeprefix("W/").encode()
    return any(
        plain == tag.strip().removeprefix(b"W/")
        for name, value in headers
        if name == b"if-none-match"
        for tag in value.split(b",")
    )


def error_body(reason: str, as_json: bool) -> tuple[bytes, bytes]:
    """(body, content type) of a refusal."""
    if as_json:
        return msgspec.json.encode({"error": reason}), JSON
    return reason.encode() + b"\n", TEXT


async def answer(send: Send, status: int, body: bytes, content_type: bytes, extra: Headers = []) -> None:  # noqa: B006 - never changed
    """Send a whole answer."""
    headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body)), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


_UNPRINTABLE = re.compile(r"[^ -~]")


def printable(text: str) -> str:
    """A text of ours that is safe in a header."""
    return _UNPRINTABLE.sub("?", text)
