"""A data directory with published counts."""

from pathlib import Path

import pytest
from published_data import Reporter, fold, usual_events


@pytest.fixture
def data(tmp_path: Path) -> Path:
    fold(tmp_path / "data", usual_events(Reporter()))
    return tmp_path / "data"
