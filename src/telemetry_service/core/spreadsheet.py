"""Cells of CSV that are safe to open in a spreadsheet."""

# A cell that begins with one of these is run as a formula (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def guarded(value: str | int | None) -> str | int:
    """A value as a cell; an absent one is empty."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value
