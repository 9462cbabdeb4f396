"""Demo data of a year, made once per size and kept for the next run."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

DAYS = 365
SMALL, LARGE = 100_000, 1_000_000
COMMAND = str(Path(sys.executable).with_name("telemetry-service"))


def dataset(installations: int) -> Path:
    """A data directory with this many installations, in BENCH_DATA or the directory for temporary files."""
    cache = Path(os.environ.get("BENCH_DATA") or Path(tempfile.gettempdir()) / "telemetry-bench")
    directory = cache / str(installations)
    if not (directory / "complete").exists():
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in directory.iterdir():
            leftover.unlink()
        run(directory, "demo", "--installations", str(installations), "--days", str(DAYS))
        (directory / "complete").touch()
    return directory


def run(directory: Path, *arguments: str) -> str:
    """A command of the service on a data directory; its output."""
    environment = {**os.environ, "DATA_DIR": str(directory)}
    return subprocess.run([COMMAND, *arguments], env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
