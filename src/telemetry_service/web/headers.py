"""Headers that every answer carries, and those that TLS adds.

The answer 202 to a report carries `nosniff` alone: it is the word `accepted` for curl, and each header costs the path that every
report takes about half a microsecond. What a report is refused with carries all of them.
"""

from typing import Any

from telemetry_service.web.answers import Headers, Receive, Scope, Send

PAGE_POLICY = (
    b"default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; form-action 'self'; "
    b"base-uri 'none'; frame-ancestors 'none'"
)
DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'"
NOT_MODIFIED = 304
ANSWER_STARTED = "telemetry_service.answer_started"  # in the scope of a request, once its answer is on the way
HSTS = (b"strict-transport-security", b"max-age=31536000")
NOSNIFF = (b"x-content-type-options", b"nosniff")
_EVERYWHERE: Headers = [
    NOSNIFF,
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-embedder-policy", b"require-corp"),
]


def with_headers(app: Any) -> Any:
    """An application whose answers carry the headers."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                added = security_headers(message["headers"], scope["scheme"])
                if message["status"] == NOT_MODIFIED:
                    # A browser replaces the policy it kept with the page by the one that comes with a 304.
                    added = [header for header in added if header[0] != b"content-security-policy"]
                message["headers"] = [*message["headers"], *added]
                scope[ANSWER_STARTED] = True
            await send(message)

        await app(scope, receive, send_with_headers)

    return wrapped


def security_headers(headers: Headers, scheme: str) -> Headers:
    """What is to be added to the headers of an answer that was made."""
    content_type = next((value for name, value in headers if name == b"content-type"), b"")
    policy = PAGE_POLICY if content_type.startswith(b"text/html") else DATA_POLICY
    # A badge is there to be shown on the pages of others.
    resources = b"cross-origin" if content_type.startswith(b"image/svg+xml") else b"same-origin"
    added = [*_EVERYWHERE, (b"content-security-policy", policy), (b"cross-origin-resource-policy", resources)]
    return [*added, HSTS] if scheme == "https" else added
