"""Names: every text of the store under a small number, and the daily bound on new ones."""

import json
import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from telemetry_service.core.fields import FIELDS, OPTIONAL_FIELDS, Kind

OTHER = "other"
# Vocabularies that clients can extend. A name beyond the day's new ones is kept as `other`; a version as absent.
OPEN_KINDS: dict[str, str | None] = {
    "nsapp": OTHER,
    "method": OTHER,
    "os_version": None,
    "pve_version": None,
    "cause": None,
} | dict.fromkeys(OPTIONAL_FIELDS)
_DIGITS = re.compile(r"\d+")
NEW_CAUSES_PER_APP = 20  # that many times more causes of failure than apps may be new on a day


def kind_of(column: str) -> str | None:
    """The kind of name that a column holds, or None for a column of numbers."""
    if column == "cause":
        return "cause"
    if column == "error":
        return None  # lines differ in their numbers; only their causes are few
    kinds = {field.name: field.kind for field in FIELDS}
    return None if kinds.get(column) in (None, Kind.INTEGER, Kind.UUID) else column


class Names:
    """Texts by number and numbers by text, as one connection sees them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: defaultdict[str, dict[str, int]] = defaultdict(dict)
        self._texts: dict[int, str] = {}
        self._labels: dict[int, str] = {}
        self._labelled: dict[str, int] = {}
        self._newest = 0
        self._revision = _revision(connection)
        self.refresh()

    def catch_up(self) -> bool:
        """Learn what another connection changed since; whether names went or were renamed, and all was learnt anew."""
        if _revision(self._connection) == self._revision:
            self.refresh()
            return False
        self.forget()
        return True

    def refresh(self) -> None:
        """Learn the names that were added since."""
        rows = self._connection.execute("SELECT id, kind, text, label FROM name WHERE id > ?", (self._newest,))
        for number, kind, text, label in rows.fetchall():
            self._remember(number, kind, text, label)

    def forget(self) -> None:
        """Drop what was learnt inside a transaction that did not commit."""
        for ids in self._ids.values():
            ids.clear()  # in place: `of_kind` gave them away
        self._texts.clear()
        self._labels.clear()
        self._labelled.clear()
        self._newest = 0
        self._revision = _revision(self._connection)
        self.refresh()

    def _remember(self, number: int, kind: str, text: str, label: str | None) -> None:
        self._ids[kind][text] = number
        if label is not None:
            self._labels[number] = label
            self._labelled[label] = number
        self._texts[number] = text
        self._newest = max(self._newest, number)

    def text(self, number: int) -> str:
        """The text of a number that is stored somewhere."""
        if number not in self._texts:
            self.refresh()
        return self._texts[number]

    def label(self, number: int) -> str:
        """What people are shown of a name: its label if it has one, else its text."""
        text = self.text(number)
        return self._labels.get(number, text)

    def find_label(self, label: str) -> int | None:
        """The number of the name that people are shown as this, or None."""
        if label not in self._labelled:
            self.refresh()
        return self._labelled.get(label)

    def find(self, kind: str, text: str) -> int | None:
        """The number of a name, or None."""
        ids = self._ids[kind]
        if text not in ids:
            self.refresh()
        return ids.get(text)

    def of_kind(self, kind: str) -> Mapping[str, int]:
        """The numbers of one kind of names, as far as they were met; it grows with every new one."""
        return self._ids[kind]

    def all_of(self, kind: str) -> list[str]:
        """Every name of a kind."""
        self.refresh()
        return list(self._ids[kind])

    def intern(self, kind: str, text: str, day: int, label: str | None = None) -> int:
        """The number of a name, given out now if it is new; only inside a transaction of the writer."""
        number = self._ids[kind].get(text)
        if number is None:
            if label in self._labelled:
                label = f"{label} [{text[:4]}]"  # one line, two causes: told apart by the exit code or category in their numbers
            cursor = self._connection.execute(
                "INSERT INTO name (kind, text, first_day, label) VALUES (?, ?, ?, ?)", (kind, text, day, label)
            )
            assert cursor.lastrowid is not None
            number = cursor.lastrowid
            self._remember(number, kind, text, label)
        return number

    def generalise(self, number: int) -> None:
        """Take the numbers out of a label: what is left, all that share the name have in common. In a transaction alone."""
        label = self._labels.get(number)
        general = _DIGITS.sub("#", label or "")
        if label is None or general == label:
            return
        if general in self._labelled:
            general = f"{general} [{self._texts[number][:4]}]"
        self._connection.execute("UPDATE name SET label = ? WHERE id = ?", (general, number))
        self._tell_others()
        del self._labelled[label]
        self._labels[number] = general
        self._labelled[general] = number

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete names that nothing refers to; only inside a transaction of the writer, which ends with it."""
        if not numbers:
            return
        # The highest number stays taken: given out again it would name two things to those who still know the first.
        self._connection.execute(
            "INSERT INTO name (id, kind, text, first_day) SELECT max(id) + 1, '', '', 0 FROM name WHERE true"
            " ON CONFLICT (kind, text) DO UPDATE SET id = excluded.id"
        )
        self._connection.execute("DELETE FROM name WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(numbers),))
        self._tell_others()
        self.forget()

    def _tell_others(self) -> None:
        self._connection.execute(f"PRAGMA user_version = {_revision(self._connection) % 2**30 + 1}")

    def known(self, kind: str, text: str) -> bool:
        return text in self._ids[kind]

    def declare_enums(self) -> None:
        """Give the values of the field table their numbers first: small numbers take less room in a row."""
        for field in FIELDS:
            if field.kind is Kind.ENUM:
                for value in field.values:
                    self.intern(field.name, value, 0)
        self.intern("nsapp", OTHER, 0)
        self.intern("method", OTHER, 0)


def _revision(connection: sqlite3.Connection) -> int:
    """How often names were taken away or renamed, which no reader finds out by looking for newer ones."""
    (revision,) = connection.execute("PRAGMA user_version").fetchone()
    return int(revision)


class NewNames:
    """Lets a bounded number of never seen names a day into each open vocabulary."""

    def __init__(self, names: Names, connection: sqlite3.Connection, per_day: int) -> None:
        self._names = names
        self._connection = connection
        self._per_day = per_day
        self._day = -1
        self._count: Counter[str] = Counter()

    def admit(self, kind: str, text: str, day: int, label: str | None = None) -> str | None:
        """The text itself while it is known or the day has room for it, else what stands in its place."""
        if self._names.known(kind, text):
            return text
        if day != self._day:
            self.start_day(day)
        if self._count[kind] >= self._per_day * (NEW_CAUSES_PER_APP if kind == "cause" else 1):
            return OPEN_KINDS[kind]
        self._names.intern(kind, text, day, label)
        self._count[kind] += 1
        return text

    def start_day(self, day: int) -> None:
        """Count the names already new on this day, as far as they are stored."""
        rows = self._connection.execute("SELECT kind, count(*) FROM name WHERE first_day = ? GROUP BY kind", (day,))
        self._count = Counter(dict(rows.fetchall()))
        self._day = day

    def forget(self) -> None:
        self._day = -1
