"""CSV by RFC 4180, safe in a spreadsheet."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core.spreadsheet import FORMULA
from telemetry_service.web.records_csv import COLUMNS, csv_lines

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
records = st.lists(st.fixed_dictionaries({name: st.none() | st.integers(0, 9) | texts for name in COLUMNS}), max_size=5)


@given(records)
def test_what_is_written_is_read_back(wanted: list[dict[str, str | int | None]]) -> None:
    out = csv_lines(wanted, with_header=True)
    head, *rows = csv.reader(io.StringIO(out, newline=""))
    assert head == list(COLUMNS)
    assert len(rows) == len(wanted)
    for row, record in zip(rows, wanted, strict=True):
        for cell, name in zip(row, COLUMNS, strict=True):
            value = "" if record[name] is None else str(record[name])
            assert cell == (f"'{value}" if value.startswith(FORMULA) else value)
            assert not cell.startswith(FORMULA)
    assert out.endswith("\r\n")
    assert len(out.replace('""', "").split('"')[::2]) >= 1


def test_fields_are_quoted_where_they_must_be_and_lines_end_as_the_rfc_says() -> None:
    record: dict[str, str | int | None] = {"id": "a", "error": 'said "no", twice', "exit_code": 1}
    line = csv_lines([record], with_header=False)
    assert line.count("\r\n") == 1
    assert '"said ""no"", twice"' in line


def test_a_formula_is_text() -> None:
    assert "'=HYPERLINK" in csv_lines([{"error": "=HYPERLINK(1)"}], with_header=False)


def test_no_id_has_a_column() -> None:
    assert not {"random_id", "execution_id"} & set(COLUMNS)
