"""What the published data files hold, declared once: the database, the CSV files and the data dictionary are made from it."""

from collections.abc import Iterator
from typing import NamedTuple

from telemetry_service.core.counts import NUMERIC, Dimension

DATABASE = "public-counts.sqlite"
DICTIONARY = "data-dictionary.md"
LICENCE_NOTE = "LICENSE.md"
LICENCE = "CC0-1.0"
LICENCE_URL = "https://creativecommons.org/publicdomain/zero/1.0/"


class Described(NamedTuple):
    """A dimension as readers of the data know it."""

    name: str
    text: str


DIMENSIONS = {
    Dimension.TYPE: Described("type", "what was installed: lxc, vm or turnkey; pve, addon and tool run on a host"),
    Dimension.DURATION: Described(
        "duration", "of successful ones; value b stands for more than 1.25^(b-1) and at most 1.25^b seconds"
    ),
    Dimension.OS: Described("os", "operating system and version of the container or machine"),
    Dimension.PVE: Described("pve_version", "version of Proxmox VE"),
    Dimension.METHOD: Described("method", "how it was installed: default, advanced, ..."),
    Dimension.CORES: Described("cores", "cores, up to this number and above the next smaller one that occurs"),
    Dimension.RAM: Described("ram_mb", "memory in MB, up to this size and above the next smaller step"),
    Dimension.DISK: Described("disk_gb", "disk in GB, up to this size and above the next smaller step"),
    Dimension.GPU: Described("gpu", "vendor of the graphics processor, and how it is passed through"),
    Dimension.CPU: Described("cpu", "vendor of the processor, and its architecture"),
    Dimension.CATEGORY: Described("error_category", "why it failed, was aborted or ended unknown"),
    Dimension.EXIT_CODE: Described("exit_code", "exit code of what did not succeed"),
    Dimension.ERROR: Described("error", "the line that explains a failure, with everything personal masked"),
    Dimension.SYSTEM: Described("os_type", "operating system alone, of every type of script"),
}


class Column(NamedTuple):
    name: str
    declaration: str
    text: str


class Table(NamedTuple):
    """A table of the database."""

    name: str
    text: str
    columns: tuple[Column, ...]
    key: str = ""

    @property
    def sql(self) -> str:
        columns = ", ".join(f"{column.name} {column.declaration}" for column in self.columns)
        return f"CREATE TABLE {self.name} ({columns}, PRIMARY KEY ({self.key})) STRICT, WITHOUT ROWID"


class View(NamedTuple):
    """A view of the database, with names instead of numbers; it is what a CSV file holds, too, if `csv` names one."""

    name: str
    text: str
    columns: tuple[Column, ...]
    select: str
    csv: str = ""


_DAY = Column("day", "INTEGER NOT NULL", "UTC day on which the count was published, in days since 1970-01-01")
_MONTH = Column("month", "INTEGER NOT NULL", "month in which it was published: 12 * year + month - 1")
_REPOSITORY = Column("repository", "INTEGER NOT NULL", "id of `repository`")
_STATUS = Column("status", "INTEGER NOT NULL", "id of `status`")
_SCRIPT = Column("script", "INTEGER NOT NULL", "id of `script`")
_DIMENSION = Column("dimension", "INTEGER NOT NULL", "id of `dimension`")
_VALUE = Column("value", "INTEGER NOT NULL", "the number itself where `dimension.is_number`, else id of `value`")
_N = Column("n", "INTEGER NOT NULL", "installations; a multiple of k")
_ID = Column("id", "INTEGER NOT NULL", "number, in the order of the alphabet")

TABLES = (
    Table(
        "about",
        "What this file is.",
        (Column("name", "TEXT NOT NULL", "day, k, licence, ..."), Column("value", "TEXT NOT NULL", "its value")),
        "name",
    ),
    Table(
        "running",
        "Installations under way, of all repositories.",
        (
            Column("name", "TEXT NOT NULL", "`running`, or `stuck`: for so long that no end is expected"),
            Column("n", "INTEGER NOT NULL", "installations; a multiple of k"),
        ),
        "name",
    ),
    Table(
        "repository",
        "Where scripts come from.",
        (_ID, Column("slug", "TEXT NOT NULL", "owner and name, or `external`")),
        "id",
    ),
    Table(
        "status", "How installations end.", (_ID, Column("name", "TEXT NOT NULL", "success, failed, aborted or unknown")), "id"
    ),
    Table(
        "script",
        "Scripts.",
        (_ID, Column("app", "TEXT NOT NULL", "what it installs"), Column("type", "TEXT NOT NULL", "as what; see `type`")),
        "id",
    ),
    Table(
        "dimension",
        "By what installations are counted.",
        (
            Column("id", "INTEGER NOT NULL", "number"),
            Column("name", "TEXT NOT NULL", "name"),
            Column("is_number", "INTEGER NOT NULL", "1 where values are numbers, 0 where they are texts"),
            Column("description", "TEXT NOT NULL", "what is counted"),
        ),
        "id",
    ),
    Table("value", "Values that are texts.", (_ID, Column("text", "TEXT NOT NULL", "the text")), "id"),
    Table(
        "day_count",
        "All scripts together, by day. Only containers and virtual machines, except for the dimensions `type` and `os_type`.",
        (_DAY, _DIMENSION, _VALUE, _REPOSITORY, _STATUS, _N),
        "day, dimension, value, repository, status",
    ),
    Table(
        "script_day_count",
        "Each script, by day.",
        (_SCRIPT, _DAY, _REPOSITORY, _STATUS, _N),
        "script, day, repository, status",
    ),
    Table(
        "script_month_count",
        "Each script, by month and by all dimensions but `type`.",
        (_SCRIPT, _MONTH, _DIMENSION, _VALUE, _REPOSITORY, _STATUS, _N),
        "script, month, dimension, value, repository, status",
    ),
)

_DAY_TEXT = Column("day", "", "UTC day as YYYY-MM-DD")
_MONTH_TEXT = Column("month", "", "month as YYYY-MM")
_REPOSITORY_TEXT = Column("repository", "", "owner and name, or `external`")
_APP, _TYPE = Column("app", "", "what the script installs"), Column("type", "", "as what")
_DIMENSION_TEXT, _VALUE_TEXT = Column("dimension", "", "see above"), Column("value", "", "number or text")
_STATUS_TEXT = Column("status", "", "success, failed, aborted or unknown")
_INSTALLATIONS = Column("installations", "", "a multiple of k")

_VALUE_SQL = "CASE WHEN d.is_number THEN c.value ELSE (SELECT text FROM value WHERE id = c.value) END"
_REPOSITORY_SQL = "(SELECT slug FROM repository WHERE id = c.repository)"
_STATUS_SQL = "(SELECT name FROM status WHERE id = c.status)"
_MONTH_SQL = "printf('%04d-%02d', c.month / 12, c.month % 12 + 1)"

VIEWS = (
    View(
        "days",
        "All scripts together, by day.",
        (_DAY_TEXT, _DIMENSION_TEXT, _VALUE_TEXT, _REPOSITORY_TEXT, _STATUS_TEXT, _INSTALLATIONS),
        f"SELECT date(c.day * 86400, 'unixepoch'), d.name, {_VALUE_SQL}, {_REPOSITORY_SQL}, {_STATUS_SQL}, c.n"
        " FROM day_count AS c JOIN dimension AS d ON d.id = c.dimension",
        "csv/days.csv",
    ),
    View(
        "script_days",
        "Each script, by day.",
        (_DAY_TEXT, _APP, _TYPE, _REPOSITORY_TEXT, _STATUS_TEXT, _INSTALLATIONS),
        f"SELECT date(c.day * 86400, 'unixepoch'), s.app, s.type, {_REPOSITORY_SQL}, {_STATUS_SQL}, c.n"
        " FROM script_day_count AS c JOIN script AS s ON s.id = c.script",
    ),
    View(
        "script_months",
        "Each script, by month.",
        (_MONTH_TEXT, _APP, _TYPE, _REPOSITORY_TEXT, _STATUS_TEXT, _INSTALLATIONS),
        "SELECT strftime('%Y-%m', c.day * 86400, 'unixepoch') AS month, s.app, s.type,"
        f" {_REPOSITORY_SQL}, {_STATUS_SQL}, sum(c.n)"
        " FROM script_day_count AS c JOIN script AS s ON s.id = c.script GROUP BY c.script, month, c.repository, c.status",
        "csv/scripts.csv",
    ),
    View(
        "script_details",
        "Each script, by month and by what it ran on or failed of.",
        (_MONTH_TEXT, _APP, _TYPE, _DIMENSION_TEXT, _VALUE_TEXT, _REPOSITORY_TEXT, _STATUS_TEXT, _INSTALLATIONS),
        f"SELECT {_MONTH_SQL}, s.app, s.type, d.name, {_VALUE_SQL}, {_REPOSITORY_SQL}, {_STATUS_SQL}, c.n"
        " FROM script_month_count AS c JOIN script AS s ON s.id = c.script JOIN dimension AS d ON d.id = c.dimension",
    ),
    View(
        "script_errors",
        "Why each script failed, by month.",
        (_MONTH_TEXT, _APP, _TYPE, _DIMENSION_TEXT, _VALUE_TEXT, _REPOSITORY_TEXT, _STATUS_TEXT, _INSTALLATIONS),
        "SELECT * FROM script_details WHERE dimension IN ('error_category', 'exit_code', 'error')",
        "csv/errors.csv",
    ),
)


def statements() -> Iterator[str]:
    """The SQL that makes an empty database."""
    for table in TABLES:
        yield table.sql
    for view in VIEWS:
        yield f"CREATE VIEW {view.name} ({', '.join(column.name for column in view.columns)}) AS {view.select}"


def is_number(dimension: Dimension) -> bool:
    return dimension in NUMERIC


def licence_note() -> str:
    """The licence of the data, as Markdown."""
    return f"""# Licence of the data

The counts in this directory - pages, JSON, CSV and `{DATABASE}` - are facts about how installation scripts fare. To the
extent that there are rights in them, they are dedicated to the public domain under [CC0 1.0 Universal]({LICENCE_URL}):
copy, change and use them for anything, without asking. Please say where they come from and up to which day they go.
"""


def data_dictionary(day: str, k: int) -> str:
    """What every file, table and column means, as Markdown."""
    dimensions = "\n".join(f"| `{described.name}` | {described.text} |" for described in DIMENSIONS.values())
    tables = "\n".join(_section(f"Table `{table.name}`", table.text, table.columns) for table in TABLES)
    views = "\n".join(
        _section(f"View `{view.name}`{f' and `{view.csv}`' if view.csv else ''}", view.text, view.columns) for view in VIEWS
    )
    return f"""# Data dictionary

Anonymous counts of installations, up to and including {day} (UTC). Licence: {LICENCE}, see `{LICENCE_NOTE}`.

## How to read the numbers

- What is counted is an *installation*: one execution of a script, counted once, whatever number of reports it sent.
- Every number is a multiple of k = {k}. A count is published when {k} installations have come together in one place; it then
  stands under the day on which that happened. Small numbers are missing for that reason, and sums of details are
  smaller than totals.
- Success rate: success / (success + failed). Below 50 finished installations a rate says little.
- An installation without an end is in no count but `running`.
- There are no rows about single installations here, and none can be made from what is here.

## Files

| file | what it is |
|---|---|
| `index.html`, `*.html`, `scripts/` | the pages, for several periods; the number in a name is its days, 0 stands for all time |
| `api/` | the same as JSON: `api/NAME.json` for the usual period, `api/NAME-DAYS.json` for others |
| `badge/APP.svg` | a badge for each script |
| `csv/` | comma-separated values (RFC 4180, UTF-8, header); a text that a spreadsheet took for a formula has `'` in front |
| `{DATABASE}` | all counts as an SQLite database: tables, and views with names instead of numbers |

Example: `sqlite3 {DATABASE} "SELECT app, sum(installations) FROM script_months GROUP BY 1 ORDER BY 2 DESC LIMIT 10"`

## Dimensions

| name | what is counted by it |
|---|---|
{dimensions}

{tables}
{views}"""


def _section(title: str, text: str, columns: tuple[Column, ...]) -> str:
    rows = "\n".join(f"| `{column.name}` | {column.text} |" for column in columns)
    return f"## {title}\n\n{text}\n\n| column | what it is |\n|---|---|\n{rows}\n"
