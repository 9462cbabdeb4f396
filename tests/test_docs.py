"""The documents agree with the sources: links lead somewhere, commands exist, every dependency says why it is there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_names import all_commands
from telemetry_service.jobs.schedule import table
from telemetry_service.settings import from_environ

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def anchors(document: Path) -> set[str]:
    """The places of a document that a link can lead to, named as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(document: Path) -> Iterator[str]:
    for link in re.findall(r"\]\(([^)\s]+)\)", document.read_text("utf-8")):
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        if not link.startswith("http") and not (target.is_file() and (not anchor or anchor in anchors(target))):
            yield link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_commands(document: Path) -> None:
    assert list(broken_links(document)) == []
    known = {part for name in all_commands() for part in (name, name.split()[0])}
    named = re.findall(r"`telemetry-service ([a-z][a-z-]*)((?: [a-z]+)?)", document.read_text("utf-8"))
    unknown = [first for first, second in named if first not in known and first + second not in known]
    assert unknown == []


def test_every_job_is_described() -> None:
    everything = {
        "PUBLISH_INTERVAL_MIN": "60",
        "GITHUB_OWNER": "a",
        "GITHUB_REPO": "a",
        "GITHUB_TOKEN": "a",
        "BACKUP_DAILY": "true",
    }
    text = (ROOT / "docs/operating.md").read_text("utf-8")
    jobs = [job.name for job in table(from_environ(everything), lambda _: None, 0)]
    assert len(jobs) > 7
    assert [job for job in jobs if not re.search(rf"^\| `{job}[ `]", text, re.MULTILINE)] == []


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    text = (ROOT / "docs/architecture.md").read_text("utf-8").partition("\n## Dependencies")[2]
    table, _, development = text.partition("\nFor development:")
    assert [
        name for name in project["project"]["dependencies"] if not re.search(rf"^\| (.*, )?{name}[ ,]", table, re.MULTILINE)
    ] == []
    short = [name.removeprefix("pytest-") for name in project["dependency-groups"]["dev"]]
    assert [name for name in short if name not in development] == []
