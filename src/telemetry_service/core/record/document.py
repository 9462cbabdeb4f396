"""What a record is made of: parts of sections of texts, lists, tables and gaps. One model, three forms: Markdown, HTML, JSON.

Texts hold names of the program between backticks, as Markdown does, and no other markup.
"""

from collections.abc import Iterator
from typing import ClassVar

import msgspec


class Paragraph(msgspec.Struct, frozen=True, tag="paragraph", tag_field="kind"):
    kind: ClassVar[str] = "paragraph"
    text: str


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One point of a list; `label` names what it is about."""

    text: str
    label: str = ""


class Items(msgspec.Struct, frozen=True, tag="list", tag_field="kind"):
    kind: ClassVar[str] = "list"
    items: tuple[Item, ...]


class Table(msgspec.Struct, frozen=True, tag="table", tag_field="kind"):
    """Rows under column heads; `about` says what the table shows."""

    kind: ClassVar[str] = "table"
    about: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Gap(msgspec.Struct, frozen=True, tag="gap", tag_field="kind"):
    """What only the operator knows and has not said yet, and the settings that say it."""

    kind: ClassVar[str] = "gap"
    text: str
    settings: tuple[str, ...]


Block = Paragraph | Items | Table | Gap


class Section(msgspec.Struct, frozen=True):
    """`name` is unique in a document; `number` is empty where sections are not numbered."""

    name: str
    number: str
    title: str
    blocks: tuple[Block, ...]


class Part(msgspec.Struct, frozen=True):
    name: str
    title: str
    sections: tuple[Section, ...]


class Document(msgspec.Struct, frozen=True):
    """The whole record; `gaps` counts what is still to be said."""

    title: str
    lead: str
    gaps: int
    parts: tuple[Part, ...]

    def part(self, name: str) -> Part:
        return next(part for part in self.parts if part.name == name)


def document(title: str, lead: str, parts: tuple[Part, ...]) -> Document:
    return Document(title, lead, len({gap.text for gap in gaps(parts)}), parts)


def gaps(parts: tuple[Part, ...]) -> Iterator[Gap]:
    """Everything that the operator has still to say; what several sections miss comes several times."""
    for part in parts:
        for section in part.sections:
            yield from (block for block in section.blocks if isinstance(block, Gap))


def numbered(*sections: tuple[str, str, tuple[Block, ...]]) -> tuple[Section, ...]:
    """Sections of (name, title, blocks), numbered from 1."""
    return tuple(Section(name, str(n), title, blocks) for n, (name, title, blocks) in enumerate(sections, start=1))


def bullets(*texts: str) -> Items:
    """A list without labels."""
    return Items(tuple(Item(text) for text in texts))


def labelled(*pairs: tuple[str, str]) -> Items:
    """A list of (label, text)."""
    return Items(tuple(Item(text, label) for label, text in pairs))
