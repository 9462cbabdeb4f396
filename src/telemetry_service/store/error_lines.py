"""Reading error lines over time, of all scripts together."""

from collections.abc import Sequence

from telemetry_service.core.counts import Dimension, Facet
from telemetry_service.core.period import first_day_of, iso_day, iso_month, month_of
from telemetry_service.core.reports.lines import Seen, Slices
from telemetry_service.store.cells import of, source_filter, value_of
from telemetry_service.store.reading import Reader

SEEN_MONTHS = 3  # lines seen within these are dated by the day, earlier ones by the month: days are many
FAILED_LINES = of(Dimension.ERROR, "failed")


def line_slices(reader: Reader, tables: str, slices: Slices, sources: Sequence[str]) -> dict[str, list[int]]:
    """Failed installations by error line, one number for each slice of time."""
    unit = "month" if slices.monthly else "day"
    rows = reader.connection.execute(
        f"SELECT {value_of('cell')}, ({unit} - {slices.first}) / {slices.width}, sum(n) FROM {tables}_{unit}"
        f" WHERE {_failed_lines(reader, sources)} AND {unit} BETWEEN {slices.first} AND {slices.last} GROUP BY 1, 2"
    )
    found: dict[str, list[int]] = {}
    for line, place, n in rows:
        found.setdefault(reader.names.text(line), [0] * slices.places)[place] = n
    return found


def lines_seen(reader: Reader, tables: str, sources: Sequence[str], today: int) -> dict[str, Seen]:
    """When each error line was counted first and last, ever."""
    since = month_of(today) - SEEN_MONTHS + 1
    first_and_last = f"SELECT {value_of('cell')}, min({{0}}), max({{0}}) FROM {tables}_{{0}} WHERE n > 0 AND "
    lines = _failed_lines(reader, sources)
    by_month = reader.connection.execute(f"{first_and_last.format('month')}{lines} GROUP BY 1").fetchall()
    by_day = {
        line: (first, last)
        for line, first, last in reader.connection.execute(
            f"{first_and_last.format('day')}{lines} AND day >= {first_day_of(since)} GROUP BY 1"
        )
    }
    return {
        reader.names.text(line): Seen(
            iso_day(by_day[line][0]) if first >= since and line in by_day else iso_month(first),
            iso_day(by_day[line][1]) if last >= since and line in by_day else iso_month(last),
        )
        for line, first, last in by_month
    }


def _failed_lines(reader: Reader, sources: Sequence[str]) -> str:
    mask, wanted = FAILED_LINES
    return f"subject = {Facet.FAILURE} AND cell & {mask} = {wanted} AND {source_filter('cell', reader.source_ids(sources))}"
