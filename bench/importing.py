"""How fast does a history come in from PocketBase's file, in how much memory, and are its numbers those of plain SQL?"""

import os
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from bench.datasets import COMMAND
from bench.pocketbase_file import counted, make, top
from bench.table import Line
from telemetry_service.core.counts import Sources
from telemetry_service.core.period import Period, day_of
from telemetry_service.core.reports.view import View
from telemetry_service.settings import from_environ
from telemetry_service.store.directory import identities
from telemetry_service.store.reading import Reader
from telemetry_service.store.reports import Reports

INSTALLATIONS = 100_000
GOAL_PER_SECOND, AIM_PER_SECOND = 5_000, 10_000
GROWTH = 1.25  # of memory, from the first quarter of the rows to the last
SAMPLE_SECONDS = 0.1
KB_PER_MB = 1024


def run(_seconds: float, _rounds: int, installations: int = INSTALLATIONS) -> Iterator[Line]:
    """A year of one PocketBase: an execution in 20 has two rows, one in 8 failed with 2 KiB of log."""
    with tempfile.TemporaryDirectory() as directory:
        source, data = Path(directory) / "data.db", Path(directory) / "data"
        make(source, installations, int(time.time()))
        yield Line("rows, in megabytes of data.db", f"{installations:,}, {source.stat().st_size / 1e6:.0f} MB")
        began, processor = time.monotonic(), _processor_seconds()
        samples = _import(source, data)
        seconds, processor = time.monotonic() - began, _processor_seconds() - processor
        rate = installations / seconds
        yield Line(
            "imported, start to end",
            f"{rate:,.0f} rows/s",
            f">= {GOAL_PER_SECOND:,} (aim {AIM_PER_SECOND:,})",
            rate >= GOAL_PER_SECOND,
        )
        yield Line("processor time of a row, all processes", f"{processor / installations * 1e6:.0f} us")
        yield Line("rows a second of one core", f"{installations / processor:,.0f}")
        early, late = max(samples[: len(samples) // 4 + 1]), max(samples)
        yield Line(
            "resident, all processes: first quarter, most", f"{early} MB, {late} MB", f"<= {GROWTH} times", late <= early * GROWTH
        )
        began = time.monotonic()
        _import(source, data)
        yield Line("imported again, to no effect", f"{installations / (time.monotonic() - began):,.0f} rows/s")
        expected, found = counted(source), _reported(data)
        differing = sorted(name for name in expected if expected[name] != found[name])
        figures = sum(len(figures) for figures in expected.values())
        yield Line(
            f"figures of the dashboard that differ from SQL, of {figures}", ", ".join(differing) or "none", "none", not differing
        )
        done = subprocess.run([COMMAND, "recount"], env=_environment(data), stdout=subprocess.PIPE, text=True, check=False)
        yield Line("recount", done.stdout.strip(), "agrees", done.returncode == 0)


def _environment(data: Path) -> dict[str, str]:
    return {**os.environ, "DATA_DIR": str(data)}


def _import(source: Path, data: Path) -> list[int]:
    """Import; the megabytes of all its processes over time."""
    command = (COMMAND, "import", "pocketbase", "--data", str(source))
    samples = []
    with subprocess.Popen(command, env=_environment(data), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            samples.append(_resident_mb(process.pid))
            time.sleep(SAMPLE_SECONDS)
    assert process.returncode == 0
    return samples


def _resident_mb(pid: int) -> int:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        statuses = [Path(f"/proc/{one}/status").read_text("ascii") for one in (pid, *children)]
    except OSError:  # it ended meanwhile
        return 0
    kilobytes = [line.split()[1] for status in statuses for line in status.splitlines() if line.startswith("VmRSS:")]
    return sum(map(int, kilobytes)) // KB_PER_MB


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reported(data: Path) -> dict[str, dict[str, int]]:
    """The same figures as `counted`, as the dashboard has them for who has a token."""
    settings = from_environ({"DATA_DIR": str(data)})
    sources = Sources(settings.known_repos)
    now = time.time_ns() // 1000
    reader = Reader(data)
    reports = Reports(reader, sources, identities(data), step=5, stuck_hours=24, now=now)
    view = View(period=Period(day_of(now) - 364, day_of(now)), sources=sources.of_repository("all"), exact=True)
    dashboard, errors = reports.dashboard(view), reports.errors(view)
    reader.connection.close()
    statuses = {
        "success": dashboard.success_count,
        "failed": dashboard.failed_count,
        "aborted": dashboard.aborted_count,
        "installing": dashboard.installing_count,
    }
    systems: Counter[str] = Counter()
    for system in dashboard.os_distribution:
        systems[system.os.partition(" ")[0]] += system.count
    return {
        "statuses": statuses,
        "types": {found.type: found.count for found in dashboard.type_stats if found.type in ("lxc", "vm")},
        "apps": top((found.app, found.count) for found in dashboard.top_apps),
        "systems": dict(systems),
        "pve": {found.version: found.count for found in dashboard.pve_versions},
        "methods": {found.method: found.count for found in dashboard.method_stats},
        "exit_codes": {str(found.exit_code): found.count for found in errors.exit_code_stats},
        "failed_by_day": {found.date: found.failed for found in dashboard.daily_stats if found.failed},
        "success_by_day": {found.date: found.success for found in dashboard.daily_stats if found.success},
    }
