"""What really happened: status and category of a terminal event, decided by the server alone.

Clients of different ages disagree about both (wire.md, Classification).
"""

from typing import NamedTuple

from telemetry_service.core.exit_codes import EXIT_CODES

SIGHUP, SIGINT = 129, 130
USER_ABORTED = "user_aborted"
CANCELLED = ("user cancel", "user abort", "cancelled by user", "canceled by user", "aborted by user", "user exit")
TEXT_CHARS = 16_384  # of a log, its end: bounds the search
HEADER_CHARS = 512  # a header is one line of exit code, meaning and command

# Most telling first: a log that says both is about the first.
SIGNS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("resource", ("out of memory", "cannot allocate memory", "heap limit", "oom-kill", "oom killer")),
    ("storage", ("no space left", "quota exceeded", "disk full", "read-only file system", "not enough space")),
    (
        "network",
        (
            *("could not resolve", "temporary failure resolving", "name resolution", "name or service not known"),
            *("connection refused", "unreachable", "no route to host", "connection reset", "tls handshake"),
            *("ssl certificate", "certificate verify failed", "failed to connect", "couldn't connect", "ssl_error"),
        ),
    ),
    (
        "apt",
        ("unmet dependencies", "dpkg:", "dpkg was interrupted", "unable to locate package", "held broken packages"),
    ),
    ("permission", ("permission denied", "operation not permitted", "eacces")),
    ("command_not_found", ("command not found", ": not found")),
    ("timeout", ("timed out", "timeout", "deadline exceeded")),
    ("database", ("psycopg", "sqlstate", "mysql", "mariadb", "postgresql")),
    ("build", ("compilation failed", "ninja: build stopped", "linker command failed", "undefined reference")),
    ("dependency", ("modulenotfounderror", "no module named", "eresolve", "cannot find module")),
    ("service", ("failed to start", "unit not found", "control process exited")),
)


class Verdict(NamedTuple):
    """Status and, for what went wrong, the category of failure."""

    status: str
    category: str | None


SUCCESS = Verdict("success", None)


def classify(status: str, exit_code: int | None, error: str, client_category: str | None, line: str = "") -> Verdict:
    """Decide status and category of one event.

    `error` is the raw text of the client, read and not kept, `line` the one in it that tells the cause; `exit_code` is None
    when it was missing or unreadable.
    """
    if status == "success":
        return SUCCESS
    if status == "failed":
        if exit_code == 0:
            return SUCCESS
        if _is_users_choice(exit_code, error):
            return Verdict("aborted", USER_ABORTED)
        return Verdict("failed", _category(exit_code, line, error, client_category))
    if status == "aborted":
        category = _category(exit_code, line, error, client_category)
        return Verdict("aborted", USER_ABORTED if category == "unknown" else category)
    if status == "unknown":
        return Verdict("unknown", _category(exit_code, line, error, client_category))
    return Verdict(status, None)


def _is_users_choice(exit_code: int | None, error: str) -> bool:
    if exit_code is not None:
        known = EXIT_CODES.get(exit_code)
        if exit_code in (SIGHUP, SIGINT) or (known is not None and known.category == USER_ABORTED):
            return True
    header = _header(error)
    return any(words in header for words in CANCELLED)


def _header(error: str) -> str:
    first = error[:HEADER_CHARS].lstrip().partition("\n")[0].partition("---")[0]
    return first.partition("| at line ")[0].lower()


def category_of(exit_code: int | None, text: str) -> str | None:
    """The category of failure that an exit code or, where it says little, a text tells of; None for neither."""
    known = EXIT_CODES.get(exit_code) if exit_code is not None else None
    if known is not None and known.category not in ("", "unknown"):
        return known.category
    lower = text.lower()
    for category, signs in SIGNS:
        if any(sign in lower for sign in signs):
            return category
    return None


def _category(exit_code: int | None, line: str, error: str, client_category: str | None) -> str:
    # The line first: the log around it tells of much that went wrong and did no harm.
    text = error if len(error) <= TEXT_CHARS else error[:HEADER_CHARS] + error[-TEXT_CHARS:]
    return category_of(exit_code, line) or category_of(None, text) or client_category or "unknown"
