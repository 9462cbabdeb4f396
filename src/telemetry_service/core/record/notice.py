"""The privacy notice for those whose scripts report (Art. 13 GDPR)."""

from telemetry_service.core.record import statements
from telemetry_service.core.record.document import Block, Paragraph, Part, bullets, labelled, numbered
from telemetry_service.core.record.in_force import InForce


def notice(state: InForce) -> Part:
    """What a person may want to know before agreeing."""
    return Part(
        "notice",
        "Privacy notice (Art. 13 GDPR)",
        numbered(
            ("who", "Who is responsible", statements.controller(state)),
            ("why", "What for", _why()),
            ("what", "What is sent", _what(state)),
            ("where", "Who gets it", _who_gets(state)),
            ("how-long", "How long it is kept", _how_long(state)),
            ("rights", "Your rights", _rights(state)),
        ),
    )


def _why() -> tuple[Block, ...]:
    return (
        statements.purposes(),
        Paragraph(
            f"Legal basis: {statements.LEGAL_BASIS}. Reports are sent only after you agreed, and nothing depends on it: scripts"
            " do the same without. Nothing is decided about anybody by a program, and nobody is profiled."
        ),
    )


def _what(state: InForce) -> tuple[Block, ...]:
    names = ", ".join(f"`{field.name}`" for field in state.fields)
    return (
        Paragraph(f"These fields and nothing else: {names}. What each means stands in the record above."),
        Paragraph(
            f"Of an error one line is kept, at most {state.error_max_chars} characters, without addresses, names of machines or"
            " people, and secrets."
        ),
        Paragraph("Never:"),
        statements.not_collected(state),
        Paragraph(
            "Pages set no cookie and load nothing from anybody else. The form to log in, for maintainers, sets cookies that end"
            " with the session, after 8 hours at most."
        ),
    )


def _who_gets(state: InForce) -> tuple[Block, ...]:
    mirror = f" and a PocketBase of the operator ({state.mirror.place})" if state.mirror else ""
    return (
        Paragraph(
            f"Single installations stay in the files of this service{mirror}; maintainers with an access token see them without"
            f" ids. Everybody sees counts in steps of {state.publish_min_count}."
        ),
        *statements.transfers(state),
    )


def _how_long(state: InForce) -> tuple[Block, ...]:
    return (
        labelled(
            ("Single installations", f"{state.retention_days} days"),
            ("Counts of installations", "for good; they hold nothing of a single one"),
        ),
    )


def _rights(state: InForce) -> tuple[Block, ...]:
    mirror = ", from the PocketBase when it has taken the deletion" if state.mirror else ""
    return (
        bullets(
            "You may withdraw your consent at any time, for reports to come, where you gave it: in the script.",
            "You may object to the processing (Art. 21), and complain to a supervisory authority (Art. 77).",
            "You may see (Art. 15) and erase (Art. 17) what is stored under the `random_id` of an installation yourself: on the"
            " page `/privacy/data`, by `POST /api/privacy/access` and `/api/privacy/erase`, or with the shell client. Who holds"
            " the id is the only one who can name it, and nothing else is asked for.",
            "Erased is gone at once from what you are shown, within moments from the files and from what maintainers see (some"
            f" minutes while the files are written anew){mirror}, from the bytes of the files within 7 days, and from backups"
            f" when the last one made before is gone, {state.backup_keep_days} days later. Whatever you do, every installation is"
            f" deleted after {state.retention_days} days.",
        ),
    )
