"""What anyone may read, asked for again and again while reports arrive: nothing ever tells of 1 to k-1 installations."""

import random
import re
from collections.abc import Iterator

import pytest
from rendered import Data, K, demo_events, stored, view

from page_reader import Page
from telemetry_service.core.reports.part import PARTS
from telemetry_service.web.pages import NoSuchPage
from telemetry_service.web.site import PERIODS

NO_COUNTS = {"scripts", "share", "rate", "success", "first seen", "per day", "change", "most affected", "trend", "last", "type"}
NO_FIGURES = {"Scripts", "Scripts affected", "Success rate", "Failure rate", "Median duration"}
WHOLE = re.compile(r"\d{1,3}(,\d{3})*")
COUNTED = re.compile(r"(\d{1,3}(?:,\d{3})*)( of (\d{1,3}(?:,\d{3})*))?( (before|yesterday|installations|runs))?")
FILTERS = [
    {"repo": "ProxmoxVE"},
    {"repo": "ProxmoxVED"},
    {"repo": "external"},
    {"repo": "all"},
    {"slug": "community-scripts/ProxmoxVED"},
]


def counts(page: Page) -> Iterator[tuple[str, int]]:
    """Every number of a page that counts installations, with where it stands."""
    for name, text in page.figures.items():
        if name not in NO_FIGURES and WHOLE.fullmatch(text):
            yield name, int(text.replace(",", ""))
    for table in page.tables:
        for row in table.rows:
            for column, text in list(zip(table.columns, row, strict=False))[1:]:
                found = COUNTED.fullmatch(text)
                if column in NO_COUNTS or found is None:
                    continue
                for n in (found[1], found[3]):
                    if n:
                        yield f"{table.heading} / {row[0]} / {column}", int(n.replace(",", ""))


def all_pages(data: Data, dice: random.Random) -> Iterator[tuple[tuple[str, ...], Page]]:
    """Pages an attacker may ask for: every period, and for each some filter and some of what leads deeper."""
    for days in map(str, PERIODS):
        chosen = dice.choice(FILTERS)
        scripts = [row.app for row in data.reports().scripts(view(exact=False, days=days, **chosen)).top_scripts]
        dashboard = data.reports().errors(view(exact=False, days=days, **chosen))
        asked: list[tuple[str, dict[str, str]]] = [("overview", {}), ("errors", {}), ("scripts", {})]
        asked += [(f"script:{app}", {}) for app in dice.sample(scripts, min(4, len(scripts)))]
        asked += [("errors", {"by": "error", "is": group.pattern}) for group in dashboard.error_groups[:2]]
        asked += [("errors", {"by": "category", "is": row.category}) for row in dashboard.category_stats[:1]]
        asked += [("scripts", {"by": "os", "is": f"{row.os} {row.version}"}) for row in dashboard.os_errors[:1]]
        for page, more in asked:
            query = {"days": days, **chosen, **more}
            yield (page, *query.values()), data.page(page, exact=False, **query)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_number_and_no_difference_of_numbers_tells_of_fewer_than_k(seed: int) -> None:
    dice = random.Random(seed)
    events = demo_events(700, 40, seed)
    with stored() as data:
        before: dict[tuple[tuple[str, ...], str], int] = {}
        read, grown = 0, 0
        while events:
            size = dice.randint(1, 250)
            batch, events = events[:size], events[size:]
            data.store.fold(batch, None, max(event.received_at for event in batch))
            for asked, page in all_pages(data, dice):
                for where, n in counts(page):
                    assert n % K == 0, (asked, where, n)
                    was = before.get((asked, where), 0)
                    assert not 0 < abs(n - was) < K, (asked, where, was, n)
                    before[asked, where] = n
                    read, grown = read + 1, grown + (n > was > 0)
        assert read > 10_000
        assert grown > 100


def test_a_name_without_a_published_row_is_nowhere() -> None:
    """A script, error line or system is shown from its k-th installation on, and asked for by name before, is not there."""
    events = demo_events(60, 20, 7)
    with stored(events) as data:
        exact = view(exact=True, days="0", repo="all")
        public = view(exact=False, days="0", repo="all")
        everything = {row.app for row in data.reports().scripts(exact).top_scripts}
        shown = {row.app for row in data.reports().scripts(public).top_scripts}
        hidden = everything - shown
        assert hidden
        for app in hidden:
            with pytest.raises(NoSuchPage):
                data.html(f"script:{app}", exact=False, days="0", repo="all")
            assert data.html(f"script:{app}", exact=True, days="0", repo="all")
        lines = {group.pattern for group in data.reports().errors(exact).error_groups}
        published = {group.pattern for group in data.reports().errors(public).error_groups}
        assert lines - published
        for line in lines - published:
            with pytest.raises(NoSuchPage):
                data.html("errors", exact=False, days="0", repo="all", by="error", **{"is": line})
        for page in ("overview", "errors", "scripts"):
            html = data.html(page, exact=False, days="0", repo="all")
            assert not [name for name in (*hidden, *(lines - published)) if f">{name}<" in html]


@pytest.mark.parametrize("by", list(PARTS))
def test_what_was_never_counted_has_no_page(by: str) -> None:
    with stored(demo_events(50, 5, 3)) as data, pytest.raises(NoSuchPage):
        data.html("errors", exact=True, by=by, **{"is": "no such thing"})


def test_pages_say_that_numbers_are_coarse_or_exact() -> None:
    with stored(demo_events(50, 5, 3)) as data:
        for page in ("overview", "errors", "scripts"):
            assert f"Public numbers grow in steps of {K}" in data.page(page, exact=False).text
            assert "Exact numbers." not in data.page(page, exact=False).text
            assert "Exact numbers." in data.page(page, exact=True).text
            assert "grow in steps" not in data.page(page, exact=True).text
