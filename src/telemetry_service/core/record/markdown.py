"""A record as Markdown."""

from collections.abc import Iterator

from telemetry_service.core.record.document import Block, Document, Gap, Items, Paragraph, Table


def markdown(document: Document) -> str:
    """The document as Markdown that ends with a newline."""
    return "\n".join(_lines(document)).rstrip("\n") + "\n"


def _lines(document: Document) -> Iterator[str]:
    yield f"# {document.title}\n\n{document.lead}\n"
    if document.gaps:
        yield f'**{said_of_gaps(document.gaps)}** Look for "Still to be said".\n'
    for part in document.parts:
        yield f"## {part.title}\n"
        for section in part.sections:
            yield f"### {f'{section.number}. ' if section.number else ''}{section.title}\n"
            for block in section.blocks:
                yield f"{_block(block)}\n"


def said_of_gaps(count: int) -> str:
    """How much the operator has still to say."""
    return (
        "One thing is still to be said by the operator."
        if count == 1
        else f"{count} things are still to be said by the operator."
    )


def _block(block: Block) -> str:
    if isinstance(block, Paragraph):
        return block.text
    if isinstance(block, Gap):
        return f"> **Still to be said by the operator:** {block.text} Set {' or '.join(f'`{name}`' for name in block.settings)}."
    if isinstance(block, Items):
        return "\n".join(f"- {f'**{item.label}**: ' if item.label else ''}{item.text}" for item in block.items)
    return _table(block)


def _table(table: Table) -> str:
    rows = [table.columns, ("---",) * len(table.columns), *table.rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows)
