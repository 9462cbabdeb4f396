"""The list of all scripts: searched, sorted and cut into pages on the server, so that it works without JavaScript."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from telemetry_service.core.reports.rates import wilson
from telemetry_service.core.reports.scripts import ScriptRow, Scripts
from telemetry_service.web.queries import MAX_PAGE, choice, text, whole_number

ROWS = 100


def _rate(row: ScriptRow) -> float:
    """The lower bound of the success rate; scripts without a rate come after all others."""
    return -1.0 if row.success_rate is None else wilson(row.success, row.success + row.failed)[0]


def _growth(row: ScriptRow) -> int:
    return row.total - (row.previous_total or 0)


# Name in the URL -> (what it says, key, largest first). Equal ones go by use, as the report has them.
ORDERS: dict[str, tuple[str, Callable[[ScriptRow], Any], bool]] = {
    "most": ("most used", lambda row: row.total, True),
    "least": ("least used", lambda row: row.total, False),
    "new": ("newest", lambda row: row.days_old, False),
    "best": ("highest success rate", _rate, True),
    "worst": ("highest failure rate", lambda row: -_failing(row), False),
    "growth": ("growing most", _growth, True),
    "decline": ("declining most", _growth, False),
    "name": ("name", lambda row: (row.app, row.type), False),
}


def _failing(row: ScriptRow) -> float:
    return -1.0 if row.success_rate is None else wilson(row.failed, row.success + row.failed)[0]


class ScriptList(NamedTuple):
    """One page of the list; `found` counts all that match the search."""

    rows: list[ScriptRow]
    found: int
    page: int
    pages: int
    sort: str
    search: str
    orders: Mapping[str, str]


def script_list(report: Scripts, query: Mapping[str, str], whole: bool) -> ScriptList:
    """The rows that `q`, `sort` and `page` of a query ask for; the `whole` list where there is no server to ask.

    Raises `Rejected` for a parameter that cannot be used.
    """
    search = (text(query, "q") or "").lower()
    sort = choice(query, "sort", tuple(ORDERS)) or "most"
    rows = [row for row in report.top_scripts if search in row.app]
    _, key, descending = ORDERS[sort]
    rows.sort(key=key, reverse=descending)
    pages = 1 if whole else max(1, -(-len(rows) // ROWS))
    page = min(whole_number(query, "page", 1, 1, MAX_PAGE), pages)
    shown = rows if whole else rows[(page - 1) * ROWS : page * ROWS]
    return ScriptList(shown, len(rows), page, pages, sort, search, {name: order[0] for name, order in ORDERS.items()})
