"""The generated record against the one that was written by hand: every difference is meant, and named here."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from telemetry_service.core.fields import FIELDS, Record
from telemetry_service.core.record import Document, Proved, record
from telemetry_service.core.record.document import Items, Section, Table
from telemetry_service.settings import from_environ
from telemetry_service.settings.declared import in_force

BY_HAND = (Path(__file__).parent / "record_written_by_hand.txt").read_text("utf-8")
TYPES = {"uuid": "UUID", "int": "Integer"}  # all others are texts: String
LIMITS = {"error": "characters", "exit_code": "", "disk_size": "GB", "ram_size": "MB", "install_duration": "seconds"}
UNITS = ("GB", "MB", "seconds")  # where the record written by hand says the unit and no limit
LIMIT = re.compile(r"\(max (?P<most>\d+) characters\)|\((?P<low>\d+)-(?P<high>\d+)\)|in (?P<unit>GB|MB|seconds)")

SUBJECTS = "subjects: administrators who run Proxmox VE Helper-Scripts and have agreed"
LEGAL_BASIS = "legal basis: Art. 6(1)(f) GDPR, improving open-source software"
KEPT = "kept: Telemetry data (single installations), 365 days"
NO_HIGH_RISK = "no assessment: no high risk"
NOT_SHARED = "shared with third parties: nothing"

# What the two do not both state under the default settings, and why that is meant.
MEANT = {
    **{
        f"field {field.name} is stored, {TYPES.get(field.kind, 'String')}, no personal data": "'added' in the wire contract"
        for field in FIELDS
        if field.record is Record.ADDED
    },
    "controller: Community Scripts (Open Source Project)": "who the controller is, only the operator can say",
    "contact: Via GitHub Issues": "how the controller is reached, only the operator can say",
    "repository: https://github.com/community-scripts/telemetry-service": "the controller's, and part of the contact",
    "recipient PocketBase (self-hosted)": "SQLite is the store; PocketBase is an option that is not in use by default",
    "recipient GitHub": "pushing the public dashboard to GitHub is not set up by default",
    "recipient SQLite files of the service": "SQLite is the store",
    "recipient Maintainers with an access token": "always so, and said now",
    "recipient Everybody, on the pages of this service": "the service shows the dashboard itself",
    "processors: left to the operator": "who works for the controller, only the operator can say",
    "transfers outside the EU: none": "where data goes, only the operator can say",
    "hosting: Hetzner Cloud, Germany": "hosting is left to the operator",
    "hosting: left to the operator": "hosting is left to the operator",
    "transfers outside the EU: left to the operator": "where data goes, only the operator can say",
    "controller: left to the operator": "who the controller is, only the operator can say",
    "contact: left to the operator": "how the controller is reached, only the operator can say",
    "data protection officer: none is named": "said now",
    "measure TLS 1.3": "stated only where the service has a certificate, or the operator vouches for a proxy",
    "measure encryption: left to the operator": "without a certificate only the operator can say",
    "kept: Reports not counted yet, some seconds, until they are counted": "always so, and said now",
    "kept: Alerts about scripts, for good": "alerts are kept",
    "kept: Lines that name a cause of failure, as long as the cause is counted": "equal failures are grouped, and have a name",
    "kept: Backups that the service makes, 7 days": "backups are new",
    "kept: Keyed hashes of erased ids, 365 days": "erasure is new",
    "kept: Names and hashes of access tokens, their last day of use, as long as the operator keeps them": "tokens are new",
    "kept: Notes of the service on itself: runs, audits, messages, issues, revisions of this record, for good, but of runs the"
    " newest 10,000 of a kind and of audits the newest 400": "what the service did is kept",
    "added by the service: Times": "always so, and said now",
    "added by the service: Keyed hashes": "ids of executions are stored as hashes alone",
    "added by the service: Cause of a failure": "equal failures are grouped",
    "not collected: public hosts excepted": "a line that explains a failure may name a host that everybody downloads from",
    "revisions: written by the Community Scripts Team": "the service keeps the history itself",
}


def by_hand() -> Iterator[str]:
    """What the record written by hand states, one normalised text each."""
    lines = [re.sub(r"^(?:• |\d+\. )", "", line.strip()) for line in BY_HAND.splitlines()]
    for line in lines:
        if match := re.fullmatch(r"([a-z_]+) (UUID|String|Integer) (.+) ❌ No", line):
            yield f"field {match[1]} is stored, {match[2]}, no personal data"
            if limit := LIMIT.search(match[3]):
                bounds = f"{limit['low']} to {limit['high']}"
                most = f"at most {limit['most']} characters" if limit["most"] else ""
                yield f"field {match[1]}: {most or limit['unit'] or bounds}"
    bullets = [line.removeprefix("❌ ") for line in lines if line.startswith("❌ ")]
    yield from (f"not collected: {one}" for one in _apart(bullets))
    for label, text in _labelled(lines, "Organization", "Contact", "Repository"):
        yield f"{ {'Organization': 'controller'}.get(label, label.lower()) }: {text}"
    for heading in ("Quality Improvement", "Prioritization", "Trend Analysis"):
        assert any(line.startswith(f"{heading}: ") for line in lines)
        yield f"purpose {heading.lower().replace('prioritiz', 'prioritis')}"
    yield from _known(
        {
            "Art. 6(1)(f) GDPR (Legitimate Interest)": LEGAL_BASIS,
            "No personal data is collected": "nothing identifies a person",
            "No IP addresses are stored": "no IP address is stored",
            "Data transmission is opt-in (users must actively consent)": "opt-in",
            "Helper-Script Users Administrators who run Proxmox VE Helper-Scripts and have consented to telemetry": SUBJECTS,
            "PocketBase (self-hosted) Storage of telemetry data Processing on same server": "recipient PocketBase (self-hosted)",
            "GitHub (for public dashboard) Aggregated statistics Art. 6(1)(f) (legitimate interest)": "recipient GitHub",
            "No sharing with third parties. The data is used exclusively for improving the Helper-Scripts.": NOT_SHARED,
            "Non-EU Countries ❌ No -": "transfers outside the EU: none",
            "Data processing occurs exclusively on EU servers (Hetzner Cloud, Germany).": "hosting: Hetzner Cloud, Germany",
            "Telemetry Data 365 days Sufficient for yearly trend analysis": KEPT,
            "Aggregated Statistics Indefinite No personal data": "kept: Aggregated statistics, for good",
            "Logs (if enabled) 7 days Technical troubleshooting": "kept: Logs (if enabled), 7 days",
            "Automatic deletion is implemented by the cleanup job in the service.": "deletion is automatic",
            "✅ Encryption in transit (TLS 1.3)": "measure TLS 1.3",
            "✅ Access control (API token-based)": "measure access control by tokens",
            "✅ Rate limiting (DDoS protection)": "measure rate limiting",
            "✅ No IP storage": "measure no IP storage",
            "✅ Privacy by Design (anonymous session IDs)": "measure privacy by design",
            "No personal data is processed": "no assessment: no personal data",
            "No profiling or automated decision-making occurs": "no assessment: no profiling, no automated decisions",
            "No special categories of personal data (Art. 9 GDPR) are affected": "no assessment: no special categories",
            "The processing does not present a high risk to the rights and freedoms of natural persons": NO_HIGH_RISK,
            "2025-02-12 1.0 Initial creation Community Scripts Team": "revisions: written by the Community Scripts Team",
        },
        lines,
    )


def generated(document: Document) -> Iterator[str]:
    """What a generated record states, in the same words."""
    part = document.part("record")
    sections = {section.name: section for section in part.sections}
    yield from _controller(sections["controller"])
    yield from (f"purpose {item.label.lower()}" for item in _items(sections["purposes"])[0])
    text = str(sections)
    yield from _stated(
        {
            "Art. 6(1)(f) GDPR (legitimate interest): improving open-source software": LEGAL_BASIS,
            "nothing is collected that identifies a person": "nothing identifies a person",
            "no IP address is stored": "no IP address is stored",
            "agreed (opt-in)": "opt-in",
            "administrators who run Proxmox VE Helper-Scripts and have agreed": SUBJECTS,
            "Nothing of a single installation is shared with third parties": NOT_SHARED,
            "Deletion is automatic": "deletion is automatic",
            "but for public ones that everybody downloads from": "not collected: public hosts excepted",
            "TLS 1.3, which a proxy": "measure TLS 1.3",
            "travel over TLS 1.3;": "measure TLS 1.3",
            "What encrypts reports on their way": "measure encryption: left to the operator",
            "'Access control by tokens'": "measure access control by tokens",
            "Rate limiting": "measure rate limiting",
            "'No IP address is stored'": "measure no IP storage",
            "Privacy by design: random ids for sessions": "measure privacy by design",
            "Which processors work for the controller": "processors: left to the operator",
            "Who hosts the machine": "hosting: left to the operator",
            "Whether data is transferred outside": "transfers outside the EU: left to the operator",
            "Transfers to countries outside the EU and EEA": "transfers outside the EU: none",
            "one machine: Hetzner Cloud, Germany": "hosting: Hetzner Cloud, Germany",
        },
        text,
    )
    yield from _data(sections["data"])
    for row in _table(sections["recipients"]).rows:
        name = row[0].partition(":")[0] if row[0].startswith("GitHub") else row[0]
        yield f"recipient {'GitHub' if name.startswith('GitHub') else name.replace(', same machine', '')}"
    yield from (f"kept: {data}, {kept}" for data, kept, _ in _table(sections["retention"]).rows)
    yield from _reasons(document)


def _controller(section: Section) -> Iterator[str]:
    gaps = str(section)
    known = {item.label: item.text for item in _items(section)[0]}
    yield f"data protection officer: {known['Data protection officer']}"
    yield f"controller: {known.get('Controller', 'left to the operator' if 'CONTROLLER_NAME' in gaps else 'missing')}"
    contact = known.get("Contact", "left to the operator" if "CONTROLLER_CONTACT" in gaps else "missing")
    for one in contact.split("; "):
        yield f"repository: {one}" if one.startswith("https://") else f"contact: {one}"


def _data(section: Section) -> Iterator[str]:
    for name, kind, accepted, *_, personal, _cleaned, _origin in _table(section).rows:
        plain = name.strip("`")
        yield f"field {plain} is stored, {TYPES.get(kind, 'String')}, {personal} personal data"
        if plain in LIMITS:
            unit = LIMITS[plain]
            yield f"field {plain}: {unit if unit in UNITS and accepted.endswith(f' {unit}') else accepted}"
    added, never = _items(section)
    yield from (f"added by the service: {item.label}" for item in added)
    texts = [re.split(r": |, but", item.text)[0] for item in never]
    yield from (f"not collected: {one}" for one in _apart(texts))


def _reasons(document: Document) -> Iterator[str]:
    yield from _stated(
        {
            "No personal data is processed": "no assessment: no personal data",
            "No profiling and no automated decision": "no assessment: no profiling, no automated decisions",
            "No special categories of personal data (Art. 9 GDPR)": "no assessment: no special categories",
            "not likely to result in a high risk": NO_HIGH_RISK,
        },
        str(document.part("screening")),
    )


def _apart(bullets: list[str]) -> Iterator[str]:
    """One text for each thing that is not collected."""
    for bullet in bullets:
        for one in re.split(r" or | and ", re.sub(r" \(.*\)", "", bullet)):
            plain = one.lower().replace("hostnames", "host names").replace("usernames", "user names")
            yield plain.replace("email", "e-mail")


def _labelled(lines: list[str], *labels: str) -> Iterator[tuple[str, str]]:
    for label in labels:
        (line,) = (line for line in lines if line.startswith(f"{label} "))
        yield label, line.removeprefix(f"{label} ")


def _known(known: dict[str, str], lines: list[str]) -> Iterator[str]:
    for line, statement in known.items():
        assert line in lines, f"the record written by hand does not say: {line}"
        yield statement


def _stated(known: dict[str, str], text: str) -> Iterator[str]:
    yield from (statement for words, statement in known.items() if words in text)


def _items(section: Section) -> list[Items]:
    return [block.items for block in section.blocks if isinstance(block, Items)]


def _table(section: Section) -> Table:
    (found,) = (block for block in section.blocks if isinstance(block, Table))
    return found


def document(**settings: str) -> Document:
    return record(in_force(from_environ(settings)), Proved())


def test_every_difference_is_meant() -> None:
    theirs, ours = set(by_hand()), set(generated(document()))
    assert (theirs ^ ours) - MEANT.keys() == set()
    assert MEANT.keys() - (theirs ^ ours) == set(), "these are no differences any more"


def test_an_operator_can_have_it_state_all_that_was_stated_by_hand() -> None:
    said = document(
        CONTROLLER_NAME="Community Scripts (Open Source Project)",
        CONTROLLER_CONTACT="Via GitHub Issues; https://github.com/community-scripts/telemetry-service",
        HOSTING="Hetzner Cloud, Germany",
        HOSTING_TRANSFERS="none",
        SUB_PROCESSORS="Hetzner Online: hosting",
        POCKETBASE_URL="http://127.0.0.1:8090",
        POCKETBASE_TOKEN="x",
        GITHUB_OWNER="community-scripts",
        GITHUB_REPO="telemetry",
        PROXY_TLS="true",
    )
    assert set(by_hand()) - set(generated(said)) == {"revisions: written by the Community Scripts Team"}
    assert said.gaps == 0


@pytest.mark.parametrize(
    ("settings", "difference"),
    [
        ({"RETENTION_DAYS": "200"}, "kept: Telemetry data (single installations), 200 days"),
        ({"ERROR_MAX_CHARS": "200"}, "field error: at most 200 characters"),
        ({"LOG_RETENTION_DAYS": "30"}, "kept: Logs (if enabled), 30 days"),
        ({"EXTENDED_FIELDS": "cpu_model"}, "field cpu_model is stored, String, no personal data"),
    ],
)
def test_a_difference_that_is_not_meant_is_seen(settings: dict[str, str], difference: str) -> None:
    found = (set(by_hand()) ^ set(generated(document(**settings)))) - MEANT.keys()
    assert difference in found
