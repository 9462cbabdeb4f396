"""Whether a data protection impact assessment is required (Art. 35 GDPR): the criteria, one by one."""

from telemetry_service.core.record.document import Block, Paragraph, Part, Table, bullets, numbered
from telemetry_service.core.record.in_force import InForce

REASONS = (
    "No personal data is processed",
    "No profiling and no automated decision takes place",
    "No special categories of personal data (Art. 9 GDPR) are affected",
    "The processing is not likely to result in a high risk to the rights and freedoms of natural persons",
)


def screening(state: InForce) -> Part:
    """The nine criteria of the guidelines WP 248 rev.01, which the European Data Protection Board has endorsed."""
    rows = tuple((criterion, answer, why) for criterion, answer, why in _criteria(state))
    blocks: tuple[Block, ...] = (
        Paragraph(
            "Each criterion of the guidelines on impact assessments (WP 248 rev.01); two that apply are a sign that one is"
            " needed."
        ),
        Table("Criteria", ("Criterion", "Applies", "Why"), rows),
    )
    outcome: tuple[Block, ...] = (
        Paragraph("An assessment according to Art. 35 GDPR is not required, because:"),
        bullets(*REASONS),
        Paragraph(
            "To be looked at again when the list of fields, the recipients or the purposes change: see the revision history."
        ),
    )
    return Part(
        "screening",
        "Screening for an impact assessment (Art. 35 GDPR)",
        numbered(("criteria", "Criteria", blocks), ("outcome", "Outcome", outcome)),
    )


def _criteria(state: InForce) -> tuple[tuple[str, str, str], ...]:
    return (
        ("Evaluation or scoring", "no", "scripts are rated, never people"),
        ("Automated decisions with legal or similar effect", "no", "nothing is decided about anybody"),
        ("Systematic monitoring", "no", "one report per state of one installation; ids are not reused"),
        ("Sensitive data", "no", "no field holds any"),
        ("Large scale", "in number", f"many installations, but technical values alone, for {state.retention_days} days"),
        ("Matching or combining data sets", "no", "there is no other data set, and no id that is found in one"),
        ("Vulnerable data subjects", "no", "administrators of machines of their own"),
        ("New technology", "no", "counting"),
        ("Keeps people from a right or a service", "no", "scripts do the same without telemetry"),
    )
