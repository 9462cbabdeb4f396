"""The record of processing: what is in force, as one document.

`record` is a pure function of what is in force and what was last proved; `text_of` is what a revision compares.
"""

from telemetry_service.core.record.article_30 import article_30
from telemetry_service.core.record.document import Document, document
from telemetry_service.core.record.in_force import InForce, Proved
from telemetry_service.core.record.markdown import markdown
from telemetry_service.core.record.measures import measures
from telemetry_service.core.record.notice import notice
from telemetry_service.core.record.revisions import revision_history
from telemetry_service.core.record.screening import screening

TITLE = "Record of processing activities"
LEAD = (
    "Made by the service itself, from its table of fields and the settings in force: record (Art. 30 GDPR), measures (Art. 32),"
    " privacy notice (Art. 13), screening for an impact assessment (Art. 35) and revision history."
)

__all__ = ["Document", "InForce", "Proved", "markdown", "record", "text_of"]


def record(state: InForce, proved: Proved) -> Document:
    """The record of processing of one service."""
    parts = (article_30(state), measures(state, proved), notice(state), screening(state), revision_history(proved.revisions))
    return document(TITLE, LEAD, parts)


def text_of(state: InForce) -> str:
    """The text of a record without what changes by itself: another text is another revision."""
    return markdown(record(state, Proved()))
