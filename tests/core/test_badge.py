"""The badge of a script."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry_service.core import badge as badges
from telemetry_service.core.badge import BLUE, GREY, RED, badge, compact
from telemetry_service.core.counts import Dimension
from telemetry_service.core.period import Period
from telemetry_service.core.reports.scripts import Script, script
from telemetry_service.core.reports.view import View
from telemetry_service.core.tally import Tally

SVG = "{http://www.w3.org/2000/svg}"
VIEW = View(period=Period(None, 20_000), sources=("external",), exact=False)


def fares(success: int, failed: int, aborted: int = 0) -> Script:
    counts = {"success": success, "failed": failed, "aborted": aborted}
    tallies = [Tally(Dimension.TYPE, "lxc", status, n) for status, n in counts.items() if n]
    return script(VIEW, "jellyfin", ["lxc"], tallies, [], [], 5)


def title(svg: str) -> str:
    return ET.fromstring(svg).findtext(f"{SVG}title") or ""


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        *((0, "0"), (5, "5"), (999, "999"), (1000, "1k"), (1099, "1k"), (1100, "1.1k"), (1250, "1.2k"), (9_999, "9.9k")),
        *((10_000, "10k"), (45_678, "45k"), (999_999, "999k"), (1_000_000, "1M"), (3_199_999, "3.1M"), (2_500_000_000, "2.5G")),
    ],
)
def test_counts_are_rounded_down_to_four_characters(count: int, shown: str) -> None:
    assert compact(count) == shown


@given(st.integers(0, 999_999_999_999))
def test_compact_counts_never_overstate(count: int) -> None:
    shown = compact(count)
    number, unit = re.fullmatch(r"([0-9.]+)([kMG]?)", shown).groups()  # type: ignore[union-attr]
    value = float(number) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit]
    assert len(shown) <= 4
    assert value <= count < value * 1.1 + 1


@pytest.mark.parametrize(
    ("of", "shown", "colour"),
    [
        (fares(1200, 35), "installs: 1.2k, 97 % ok", BLUE),
        (fares(40, 10), "installs: 50, 80 % ok", BLUE),
        (fares(40, 40, 5), "installs: 85, 50 % ok", RED),
        (fares(50, 0), "installs: 50, 100 % ok", BLUE),
        (fares(100_000, 5), "installs: 100k, 99 % ok", BLUE),
        (fares(5, 100_000), "installs: 100k, 1 % ok", RED),
        (fares(0, 50), "installs: 50, 0 % ok", RED),
        (fares(45, 0), "installs: 45", GREY),
        (fares(0, 0, 60), "installs: 60", GREY),
        (fares(0, 0), "telemetry: no data", GREY),
        (None, "telemetry: no data", GREY),
    ],
)
def test_badge_says(of: Script | None, shown: str, colour: str) -> None:
    svg = badge(of)
    assert title(svg) == shown
    assert f'fill="{colour}"' in svg
    assert ET.fromstring(svg).attrib["aria-label"] == shown
    assert ET.fromstring(svg).attrib["role"] == "img"


def test_texts_are_as_wide_as_they_are_said_to_be() -> None:
    root = ET.fromstring(badge(fares(1200, 35)))
    left, right = root.iter(f"{SVG}text")
    rectangles = [rectangle for rectangle in root.iter(f"{SVG}rect") if "fill" in rectangle.attrib]
    split = int(rectangles[0].attrib["width"])
    assert int(left.attrib["x"]) + int(left.attrib["textLength"]) < split < int(right.attrib["x"])
    assert int(right.attrib["x"]) + int(right.attrib["textLength"]) < int(root.attrib["width"])


def test_nothing_is_loaded_or_run() -> None:
    svg = badge(fares(1200, 35))
    assert re.findall(r"https?://[^\"]+", svg) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<script|<style|@import|href|\son\w+=", svg)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])))
def test_any_text_is_escaped(text: str) -> None:
    svg = badges._svg(text, text, GREY)
    assert title(svg) == f"{text}: {text}"
    assert [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")] == [text, text]


@pytest.mark.parametrize("colour", [GREY, BLUE, RED, "#333"])
def test_white_text_can_be_read(colour: str) -> None:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    assert 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05) >= 4.5
