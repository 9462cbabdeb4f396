"""What really happened: status and category of a terminal event, decided by the server alone.

Clients of different ages disagree about both (wire.md, Classification).
"""

from typing import NamedTuple

from telemetry_service.core.exit_codes import EXIT_CODES

SIGHUP, SIGINT = 129, 130
USER_ABORTED = "user_aborted"
CANCELLED = ("user cancel", "user abort", "cancelled by user", "canceled by user", "aborted by user", "user exit")
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


def classify(status: str, exit_code: int | None, error: str, client_category: str | None) -> Verdict:
    """Decide status and category of one event.

    `error` is the raw text of the client, read and not kept; `exit_code` is None when it was missing or unreadable.
    """
    if status == "success":
        return SUCCESS
    if status == "failed":
        if exit_code == 0:
            return SUCCESS
        if _is_users_choice(exit_code, error):
            return Verdict("aborted", USER_ABORTED)
        return Verdict("failed", _category(exit_code, error, client_category))
    if status == "aborted":
        category = _category(exit_code, error, client_category)
        return Verdict("aborted", USER_ABORTED if category == "unknown" else category)
    if status == "unknown":
        return Verdict("unknown", _category(exit_code, error, client_category))
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


def _category(exit_code: int | None, error: str, client_category: str | None) -> str:
    known = EXIT_CODES.get(exit_code) if exit_code is not None else None
    if known is not None and known.category not in ("", "unknown"):
        return known.category
    text = error.lower()
    for category, signs in SIGNS:
        if any(sign in text for sign in signs):
            return category
    return client_category or "unknown"
