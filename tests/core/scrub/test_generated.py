"""Generated values of the structural classes in generated places never leak (the report does 10,000 of each)."""

import sys
from pathlib import Path

import pytest

from telemetry_service.core.scrub import Scrubber

sys.path.insert(0, str(Path(__file__).parents[3] / "scripts"))

import privacy_report
import privacy_values


@pytest.mark.parametrize("name", sorted(privacy_values.CLASSES))
def test_no_generated_value_leaks(name: str, scrubber: Scrubber) -> None:
    for value, line in privacy_values.lines(name, 400, seed=2):
        output = scrubber.scrub(line).text
        assert privacy_report.leak(value, output, line.replace(value, "\0")) is None, (line, output)


def test_the_report_counts_a_leak() -> None:
    case = privacy_report.Case("peer katzenhaus gone", (("hostname", "katzenhaus"),), ("gone",))
    assert privacy_report.leak("katzenhaus", case.text, privacy_report.rest_of(case)) == "katzenhaus"
    assert privacy_report.leak("katzenhaus", "peer <host> gone", privacy_report.rest_of(case)) is None
