"""What benches print: lines of one table, with the goal where there is one."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Line(NamedTuple):
    """One figure: what was measured, the measurement, and the goal with whether it is met (None: there is none)."""

    what: str
    measured: str
    goal: str = ""
    met: bool | None = None


def show(title: str, question: str, lines: Iterable[Line]) -> bool:
    """Print lines as they come, then all as a table; whether every goal is met."""
    console = Console()
    console.rule(f"{title}: load average {os.getloadavg()[0]:.2f} before")
    taken = []
    before = _ticks()
    for line in lines:
        console.print(f"{line.what}: {line.measured}", style="dim")
        taken.append(line)
    table = Table("what", "measured", "goal", "met", title=question, title_justify="left")
    for line in taken:
        table.add_row(line.what, line.measured, line.goal, {True: "yes", False: "NO", None: ""}[line.met])
    console.print(table)
    of_all, stolen = (now - then for now, then in zip(_ticks(), before, strict=True))
    console.print(
        f"load average {os.getloadavg()[0]:.2f} after; the host took {stolen / max(of_all, 1):.1%} of the processors away"
    )
    return all(line.met is not False for line in taken)


def _ticks() -> tuple[int, int]:
    """The time of all processors since the machine started, and how much of it its host gave to others."""
    ticks = [int(text) for text in Path("/proc/stat").read_text("ascii").partition("\n")[0].split()[1:9]]
    return sum(ticks), ticks[7]
