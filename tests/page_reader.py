"""What a page says: its figures, and the rows of its tables under their headings."""

from html.parser import HTMLParser
from typing import NamedTuple

CELL_ENDS = ("td", "th", "tr", "tbody")  # their end tags are left out in the pages
NUMBER = str.maketrans("", "", ",\N{NO-BREAK SPACE}%")


class Table(NamedTuple):
    """One table: the heading it stands under, its column heads, and its rows of texts."""

    heading: str
    columns: list[str]
    rows: list[list[str]]

    def by_name(self) -> dict[str, list[str]]:
        return {row[0]: row[1:] for row in self.rows}

    def counts(self, column: str) -> dict[str, int]:
        """First column -> the whole number in a column."""
        place = self.columns.index(column)
        return {row[0]: number(row[place]) for row in self.rows}


class Page(NamedTuple):
    figures: dict[str, str]
    tables: list[Table]
    links: list[str]
    text: str

    def table(self, heading: str) -> Table:
        """The table under a heading, its folded rows included."""
        found = [table for table in self.tables if table.heading == heading]
        assert found, f"no table under {heading!r}: {[table.heading for table in self.tables]}"
        return Table(heading, found[0].columns, [row for table in found for row in table.rows])

    def has(self, heading: str) -> bool:
        return any(table.heading == heading for table in self.tables)


def number(text: str) -> int:
    """The whole number a text begins with: `1,234 of 5,678` is 1234."""
    return int(text.split()[0].translate(NUMBER))


def read(html: str) -> Page:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return Page(reader.figures, reader.tables, reader.links, " ".join(" ".join(reader.texts).split()))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.figures: dict[str, str] = {}
        self.tables: list[Table] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._heading = ""
        self._taking: list[str] | None = None
        self._taking_tag = ""
        self._name = ""
        self._in_head = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.links.append(str(values["href"]))
        if self._taking is not None and self._taking_tag in ("td", "th") and tag in CELL_ENDS:
            self._end()
        if tag == "table":
            self.tables.append(Table(self._heading, [], []))
        elif tag in ("thead", "tbody"):
            self._in_head = tag == "thead"
        elif tag == "tr" and not self._in_head and self.tables:
            self.tables[-1].rows.append([])
        elif tag in ("h1", "h2", "dt", "th", "td") or (tag == "b" and self._name and self._taking is None):
            self._taking, self._taking_tag = [], tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._taking is not None:
            self._taking.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._taking is not None and tag in (self._taking_tag, "thead", "tbody", "table"):
            self._end()
        if tag == "thead":
            self._in_head = False

    def _end(self) -> None:
        assert self._taking is not None
        text = " ".join("".join(self._taking).split())
        if self._taking_tag in ("h1", "h2"):
            self._heading = text
        elif self._taking_tag == "dt":
            self._name = text
        elif self._taking_tag == "b":
            self.figures[self._name] = text
            self._name = ""
        elif self._in_head:
            self.tables[-1].columns.append(text)
        elif self.tables and self.tables[-1].rows:
            self.tables[-1].rows[-1].append(text)
        self._taking = None
