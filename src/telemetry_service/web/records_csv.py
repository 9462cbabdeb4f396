"""Installations as CSV by RFC 4180, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable

from telemetry_service.core.fields import FIELDS, Record
from telemetry_service.core.spreadsheet import guarded
from telemetry_service.store.records import Record as InstallationRecord

# Fields of a record in the order of the field table, as the JSON endpoint names them.
COLUMNS = (
    *("id", "created"),
    *(f.name for f in FIELDS if f.record is not Record.OPTIONAL and f.name not in ("random_id", "execution_id")),
    *(f.name for f in FIELDS if f.record is Record.OPTIONAL),
    "pipeline",
)


def csv_lines(records: Iterable[InstallationRecord], *, with_header: bool) -> str:
    """Lines for records, each ended by CRLF; absent values are empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    if with_header:
        writer.writerow(COLUMNS)
    for record in records:
        writer.writerow(guarded(record.get(name)) for name in COLUMNS)
    return out.getvalue()
