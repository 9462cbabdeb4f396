"""One figure: how many of how many, and how many it should be."""

from __future__ import annotations

from typing import NamedTuple

from bench.table import Line


class Figure(NamedTuple):
    """`good` of `total` things went well; `goal` is the share that should."""

    name: str
    good: int
    total: int
    goal: float

    @property
    def share(self) -> float:
        return self.good / self.total if self.total else 1.0

    def line(self) -> Line:
        return Line(self.name, f"{self.share:.3f} ({self.good} of {self.total})", f">= {self.goal:.3f}", self.share >= self.goal)
