"""What the parser lets pass in the head of a request, and others may read in another way."""

import re

from telemetry_service.web.answers import Headers

# RFC 3986, 3.2.2 and 3.2.3; empty where the target has no host.
_HOST = re.compile(rb"(?:[\w.~!$&'()*+,;=%-]*|\[[0-9a-fA-F:.]+\])(?::\d*)?", re.ASCII)


def fault(version: str, headers: Headers) -> str | None:
    """Why a request cannot be taken for one request to one host; None for nearly all of them."""
    hosts = 0
    for name, value in headers:
        if name == b"host":
            hosts += 1
            if not _HOST.fullmatch(value):
                return "host: cannot be one"
        elif name == b"transfer-encoding" and (version != "1.1" or value.strip().lower() != b"chunked"):
            return "transfer-encoding: only chunked is understood, in HTTP 1.1"
    if version == "1.1":
        return None if hosts == 1 else "host: must be there, once"  # RFC 9112, 3.2
    if version == "1.0":
        return None if hosts <= 1 else "host: must be there, once"
    return "version: only HTTP 1.0 and 1.1 are spoken"
