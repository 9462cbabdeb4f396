"""The command that shows the record of processing."""

from enum import StrEnum
from typing import Annotated

import typer

from telemetry_service.cli.environment import current_settings


class Form(StrEnum):
    """How the record is written."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"


def record(
    form: Annotated[Form, typer.Option("--format", help="Markdown, JSON, or one HTML file that needs no other.")] = Form.MARKDOWN,
) -> None:
    """Write the record of processing (Art. 30 GDPR), made from the table of fields and the settings in force.

    With it come the measures (Art. 32), the privacy notice (Art. 13), the screening for an impact assessment (Art. 35) and the
    revision history, which the service keeps: it appends an entry when it starts with another record than before. What the
    operator has still to say stands out, with the setting that says it. Works while the service runs, and without data.

    Example: telemetry-service record > record.md
    """
    from telemetry_service.bootstrap.recording import record_text

    print(record_text(current_settings(), form.value), end="")
