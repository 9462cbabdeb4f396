"""The badge of a script, as SVG: `installs 1.2k, 97 % ok`. Nothing in it is loaded from anywhere."""

from html import escape

from telemetry_service.core.reports.rates import Rate
from telemetry_service.core.reports.scripts import Script

LABEL = "installs"
NO_DATA = "no data"
HEIGHT = 20
PADDING = 6
# As on the pages, blue stands for success and red for failure; white text on each has a contrast of 4.5 to 1 (WCAG 1.4.3).
GREY, BLUE, RED = "#555", "#2f6aa8", "#b8391b"
FAIR_PERCENT = 75.0

# Widths in a sans-serif font of 11 px, in tenths of a pixel. `textLength` makes whatever font is there keep to them.
_TENTHS = {char: tenths for chars, tenths in (("ijl'|", 31), ("Ifrt.,:;!()[] ", 40), ("mwMW%@", 108)) for char in chars}
_USUAL_TENTHS = 67


def badge(script: Script | None) -> str:
    """The badge of a script's published numbers; a grey one that says so for None."""
    if script is None or not script.total:
        return _svg("telemetry", NO_DATA, GREY)
    text = compact(script.total)
    if script.success_rate is not None:
        text += f", {_percent(script.success, script.success + script.failed)} % ok"
    return _svg(LABEL, text, _colour(script.success_rate_interval))


def compact(count: int) -> str:
    """A count in at most four characters, rounded down: 999, 1.2k, 45k, 3.1M."""
    for size, unit in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if count >= size:
            tenths = count * 10 // size
            return f"{tenths // 10}{unit}" if tenths >= 100 or tenths % 10 == 0 else f"{tenths // 10}.{tenths % 10}{unit}"
    return str(count)


def _percent(part: int, whole: int) -> int:
    """Whole percent; 100 and 0 only for all and none."""
    nearest = round(100 * part / whole)
    return nearest if part in (0, whole) else min(99, max(1, nearest))


def _colour(rate: Rate) -> str:
    if rate.percent is None:
        return GREY
    return BLUE if rate.percent >= FAIR_PERCENT else RED


def _width(text: str) -> int:
    tenths = sum(_TENTHS.get(char, _USUAL_TENTHS) for char in text)
    return -(-tenths // 10)


def _svg(label: str, text: str, colour: str) -> str:
    left, right = _width(label), _width(text)
    split, whole = left + 2 * PADDING, left + right + 4 * PADDING
    title = escape(f"{label}: {text}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{HEIGHT}" role="img" aria-label="{title}">'
        f"<title>{title}</title>"
        f'<clipPath id="r"><rect width="{whole}" height="{HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{split}" height="{HEIGHT}" fill="#333"/>'
        f'<rect x="{split}" width="{whole - split}" height="{HEIGHT}" fill="{colour}"/></g>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,Geneva,sans-serif" font-size="11" aria-hidden="true">'
        f'<text x="{PADDING}" y="14" textLength="{left}">{escape(label)}</text>'
        f'<text x="{split + PADDING}" y="14" textLength="{right}">{escape(text)}</text></g></svg>\n'
    )
