"""A data directory with published counts and a record."""

from pathlib import Path

import pytest
from published_data import Reporter, fold, note_record, usual_events


@pytest.fixture
def data(tmp_path: Path) -> Path:
    fold(tmp_path / "data", usual_events(Reporter()))
    note_record(tmp_path / "data")
    return tmp_path / "data"
