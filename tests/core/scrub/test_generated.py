"""Generated values of the structural classes in generated places never leak (the report does 10,000 of each)."""

import pytest
from scripts.privacy import removal, values

from telemetry_service.core.scrub import Scrubber


@pytest.mark.parametrize("name", sorted(values.CLASSES))
def test_no_generated_value_leaks(name: str, scrubber: Scrubber) -> None:
    for value, line in values.lines(name, 400, seed=2):
        output = scrubber.scrub(line).text
        assert removal.leak(value, output, line.replace(value, "\0")) is None, (line, output)


def test_the_report_counts_a_leak() -> None:
    case = removal.Case("peer katzenhaus gone", (("hostname", "katzenhaus"),), ("gone",))
    assert removal.leak("katzenhaus", case.text, removal.rest_of(case)) == "katzenhaus"
    assert removal.leak("katzenhaus", "peer <host> gone", removal.rest_of(case)) is None
