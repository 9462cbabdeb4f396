"""The record of processing activities (Art. 30(1) GDPR)."""

from telemetry_service.core.record import statements
from telemetry_service.core.record.document import Block, Paragraph, Part, Table, bullets, labelled, numbered
from telemetry_service.core.record.in_force import SAME_MACHINE, InForce

FIELD_COLUMNS = (
    "Field",
    "Type",
    "Accepted",
    "What it is",
    "Purpose",
    "Personal data",
    "How it is cleaned",
    "In the first record",
)
DAYS_OF_YEARLY_TRENDS = 365
# Where a field comes from, as the table says it.
ORIGINS = {"yes": "yes", "added": "added", "optional": "asked for (`EXTENDED_FIELDS`)"}
ADDED_BY_SERVICE = (
    ("Times", "when the first report of each status was received, and the report that each value is taken from"),
    ("Keyed hashes", "of the execution id, to join reports, and of `random_id`, to find what is stored under it"),
    ("Cause of a failure", "a fingerprint that equal causes share, and the line people are shown for it"),
)


def article_30(state: InForce) -> Part:
    """What is processed, why, for how long, and who receives it."""
    return Part(
        "record",
        "Record of processing activities (Art. 30 GDPR)",
        numbered(
            ("controller", "Controller", statements.controller(state)),
            ("purposes", "Purposes and legal basis", _purposes()),
            ("subjects", "Categories of data subjects", _subjects()),
            ("data", "Categories of data", _data(state)),
            ("recipients", "Recipients", _recipients(state)),
            ("transfers", "International transfers", statements.transfers(state)),
            ("retention", "Retention periods", _retention(state)),
            ("summary", "Measures, in short", _summary(state)),
        ),
    )


def _purposes() -> tuple[Block, ...]:
    return (
        Paragraph(
            "The service counts what becomes of installations that people run with the Proxmox VE Helper-Scripts, from reports"
            " that these scripts send. The counts serve three purposes and no other:"
        ),
        statements.purposes(),
        Paragraph(f"Legal basis of every field: {statements.LEGAL_BASIS}. The processing interferes little, because:"),
        bullets(*statements.MINIMAL),
    )


def _subjects() -> tuple[Block, ...]:
    return (labelled(("Helper-script users", "administrators who run Proxmox VE Helper-Scripts and have agreed to telemetry")),)


def _data(state: InForce) -> tuple[Block, ...]:
    rows = tuple(
        (f"`{f.name}`", f.kind, f.accepted, f.description, f.purpose, "no", f.cleaning, ORIGINS[f.origin]) for f in state.fields
    )
    return (
        Paragraph(
            "No personal data: the fields are technical, and neither one of them nor all together lead to a person. `random_id`"
            " is random and new for every installation; only who ran the script can know it. What is not in this table is dropped"
            " before anything is stored."
        ),
        Table("Fields", FIELD_COLUMNS, rows),
        Paragraph("The service adds to each installation:"),
        labelled(*ADDED_BY_SERVICE),
        Paragraph("What is not collected:"),
        statements.not_collected(state),
    )


def _recipients(state: InForce) -> tuple[Block, ...]:
    columns = ("Recipient", "What it gets", "Purpose", "Legal basis")
    legitimate = "Art. 6(1)(f)"
    rows = [("SQLite files of the service", "everything that is stored", "storage", "processing on the same machine")]
    if state.mirror is not None:
        with_id = "" if state.mirror.with_random_id else ", without `random_id`"
        basis = "processing on the same machine" if state.mirror.place == SAME_MACHINE else legitimate
        place = f"PocketBase (self-hosted, {state.mirror.place})"
        rows.append((place, f"every installation{with_id}; deletions too", "storage of telemetry data", basis))
    rows.append(
        ("Maintainers with an access token", "single installations, without their ids", "quality improvement", legitimate)
    )
    everybody = "Everybody, on the pages of this service"
    rows.append((everybody, f"aggregated statistics, in steps of {state.publish_min_count}", "public dashboard", legitimate))
    if state.published_to:
        to = f"{state.published_to.server} (public dashboard): {state.published_to.name}"
        what = f"aggregated statistics, in steps of {state.publish_min_count}, also in issues about scripts that fail"
        rows.append((to, what, "public dashboard", legitimate))
    if state.told_over:
        what = "alerts and reports, made of published counts"
        rows.append((f"The operator's channels: {', '.join(state.told_over)}", what, "quality improvement", legitimate))
    unused = [
        *(
            []
            if state.mirror
            else ["A PocketBase of the operator's own can be a second store of every installation; none is in use."]
        ),
        *([] if state.published_to else ["The public dashboard can be pushed to GitHub as files; this is not in use."]),
    ]
    more = (bullets(*unused),) if unused else ()
    return (
        Table("Recipients", columns, tuple(rows)),
        *more,
        Paragraph(
            "Nothing of a single installation is shared with third parties: the data serves the improvement of the Helper-Scripts"
            " alone."
        ),
        *statements.sub_processors(state),
    )


def _retention(state: InForce) -> tuple[Block, ...]:
    kept_logs, who = statements.logs(state)
    rows = [
        ("Telemetry data (single installations)", f"{state.retention_days} days", _why_so_long(state.retention_days)),
        ("Reports not counted yet", "some seconds, until they are counted", "an answered report is on disk"),
        ("Aggregated statistics", "for good", "they hold nothing of a single installation"),
        (
            "Lines that name a cause of failure",
            "as long as the cause is counted",
            "people have to know what is counted; when no installation of it is left, the numbers in it go, unless it was"
            " published",
        ),
        ("Alerts about scripts", "for good", "they hold numbers of scripts, and nothing of a single installation"),
        ("Keyed hashes of erased ids", f"{state.retention_days} days", "a late report must not bring back what was erased"),
        ("Backups that the service makes", f"{state.backup_keep_days} days", "to put data back that was lost"),
        ("Logs (if enabled)", kept_logs, f"technical troubleshooting; {who}"),
        (
            "Notes of the service on itself: runs, audits, messages, issues, revisions of this record",
            "for good, but of runs the newest 10,000 of a kind and of audits the newest 400",
            "accountability (Art. 5(2)); they hold numbers, and nothing of a single installation",
        ),
        ("Names and hashes of access tokens, their last day of use", "as long as the operator keeps them", "access control"),
    ]
    if state.mirror is not None:
        rows.insert(
            1,
            (
                "The same in PocketBase",
                f"{state.retention_days} days, and until it has taken the deletion",
                "deletions are passed on at once",
            ),
        )
    return (
        Table("Retention periods", ("Data", "Kept", "Why"), tuple(rows)),
        Paragraph(
            "Deletion is automatic: every night the service deletes whole UTC days that are over their time, counts what is left,"
            " and writes its files anew within 7 days of a deletion, so that no byte of it stays in them. What a file system or"
            " an SSD keeps of overwritten bytes is out of its reach. A deletion is complete when the last backup made before it"
            " is gone; copies that the operator takes elsewhere are the operator's to delete."
        ),
    )


def _why_so_long(days: int) -> str:
    if days < DAYS_OF_YEARLY_TRENDS:
        return "trends over a longer time are read from the counts, which stay"
    if days == DAYS_OF_YEARLY_TRENDS:
        return "enough for trends over a year"
    return f"the operator's choice; {DAYS_OF_YEARLY_TRENDS} days are enough for trends over a year"


def _summary(state: InForce) -> tuple[Block, ...]:
    return (
        statements.encryption(state),
        bullets(
            "Access control by tokens",
            _limits(state),
            "No IP address is stored",
            "Privacy by design: random ids for sessions, one table of what may be stored, published counts in steps of"
            f" {state.publish_min_count}",
            "The service proves this record against itself every night",
        ),
        Paragraph("In full: see technical and organisational measures."),
    )


def _limits(state: InForce) -> str:
    return "Rate limiting against floods of requests" if state.rate_limit_rpm else "Limits on connections and sizes"
