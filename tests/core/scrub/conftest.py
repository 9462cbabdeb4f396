"""One scrubber for all tests: it is immutable and takes half a second to build."""

import pytest

from telemetry_service.core.scrub import Scrubber


@pytest.fixture(scope="session")
def scrubber() -> Scrubber:
    return Scrubber()
