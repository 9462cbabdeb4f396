"""Machines and the servers they report to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from machine import INSTALLED, Machine
from servers import Recorder, recording

from live import Live, running


@pytest.fixture(params=INSTALLED)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def machine(tmp_path: Path, shell: str, server: Recorder) -> Machine:
    return Machine(tmp_path, shell, server.url)


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The real service."""
    with running(tmp_path_factory.mktemp("service")) as service:
        yield service
