"""The page of the last audit: what everybody sees of it, and what only who has a token."""

import pytest

from page_reader import read
from telemetry_service.core.audit import Audit, Finding, Verdict
from telemetry_service.core.record import Proved, record
from telemetry_service.settings import from_environ
from telemetry_service.settings.declared import in_force
from telemetry_service.web.pages import Pages
from telemetry_service.web.site import LiveSite

AT = 20_780 * 86_400_000_000
FINDINGS = (
    Finding("columns", "Columns are declared", "record-data", Verdict.PASS, ("4711 installations",)),
    Finding("files", "Files are private", "measures-access", Verdict.FAIL, ("0815 files", "and <b>more</b>")),
    Finding("tls", "TLS is spoken", "measures-encryption", Verdict.UNCLEAR, ("set TLS_CERT_FILE",)),
)


def page(audit: Audit | None, *, exact: bool) -> str:
    return Pages(from_environ({})).fill("audit.html", "audit", {}, LiveSite(AT), audit=audit, view={"exact": exact})


def test_no_audit_yet() -> None:
    assert "No audit yet" in page(None, exact=False)


@pytest.mark.parametrize("exact", [False, True])
def test_what_fails_stands_first_and_counts_are_for_a_token(exact: bool) -> None:
    html = page(Audit(AT, AT, FINDINGS), exact=exact)
    places = [html.index(text) for text in ("does not hold", "Files are private", "TLS is spoken", "Columns are declared")]
    assert places == sorted(places)
    assert 'href="/privacy/record#measures-access"' in html
    assert "set TLS_CERT_FILE" in html
    assert ("4711" in html, "0815" in html) == (exact, exact)
    assert "<b>more" not in html


def test_all_holds() -> None:
    html = page(Audit(AT, AT, FINDINGS[:1]), exact=False)
    assert "does not hold" not in html
    assert read(html).tables


def test_the_record_links_to_it() -> None:
    settings = from_environ({})
    document = record(in_force(settings), Proved())
    html = Pages(settings).fill("record.html", "record", {}, LiveSite(AT), document=document, view={"exact": False})
    assert "/privacy/audit" in read(html).links
