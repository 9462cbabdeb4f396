"""The audit: it passes where the record is true, and every claim fails when it is broken on purpose."""

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from audited import COLUMNS, DAY, HOUR, MIRROR, NOW, Service, copied, environ, event, prepare

from explaining import EXPLAIN
from telemetry_service.core.audit import Verdict, claims
from telemetry_service.core.event import Erasure, encode_event
from telemetry_service.core.record import Proved, record
from telemetry_service.core.scrub import Scrubber
from telemetry_service.jobs.audit import CHECKS, CannotLook, Mirrored, files
from telemetry_service.settings import from_environ
from telemetry_service.settings.declared import in_force
from telemetry_service.store.audits import last_audit, note_audit
from telemetry_service.store.database import connect, transaction
from telemetry_service.store.outbox import waiting_notices
from telemetry_service.store.revisions import note_revision, proved
from telemetry_service.store.rows import first_id
from telemetry_service.store.runs import last_run
from telemetry_service.store.store import FILE_NAME

ONE = "id = (SELECT min(id) FROM installation WHERE error IS NOT NULL)"
REQUEST = "time='2026-11-23T01:00:00.000000Z' level='info' event='request' method='GET' route='/' status=200 milliseconds=1.5"
PLANTED = (
    *("10.20.30.40", "2001:db8::7f", "a4:83:e7:01:02:03", "anna@nas.example", "nas.smith.de", "mybox.lan"),
    *("tel_", "mainframe"),
)
Break = Callable[[Service], object]


def in_errors(line: str) -> Break:
    return lambda service: service.sql(f"UPDATE installation SET error = ? WHERE {ONE}", line)


def logged(line: str) -> Break:
    return lambda service: (service.logs / "telemetry-service-2026-11-22.log").write_text(f"{line}\n")


def spelled(text: str) -> Break:
    def write(service: Service) -> None:
        path = service.data / "dump.txt"
        path.write_text(text)
        path.chmod(0o600)

    return write


def waits(**values: object) -> Break:
    return lambda service: service.wait(encode_event(event(900, received_at=NOW, **values)))


def mirrored(**values: object) -> Break:
    return lambda service: setattr(service, "mirror", lambda: MIRROR._replace(**values))


def sql(statement: str, *values: object) -> Break:
    return lambda service: service.sql(statement, *values)


def ran(job: str, change: str) -> Break:
    return sql(f"UPDATE job_run SET {change} WHERE job = '{job}'")


# How each claim is broken. `served` and `tls` need a service that answers: see below.
BREAKS: dict[str, dict[str, Break]] = {
    "columns": {
        "a column": sql("ALTER TABLE installation ADD COLUMN hostname TEXT"),
        "a table": sql("CREATE TABLE visitor (n INTEGER)"),
        "a column of the inbox": lambda service: service.sql(
            "ALTER TABLE event_group ADD COLUMN hostname TEXT", file="inbox.sqlite"
        ),
        "a field that is not asked for": sql(f"UPDATE installation SET cpu_model = 1 WHERE {ONE}"),
    },
    "values": {
        "a number": sql(f"UPDATE installation SET exit_code = 256 WHERE {ONE}"),
        "a text of no list": sql("INSERT INTO name (kind, text, first_day) VALUES ('type', 'mainframe', 0)"),
        "the name of another field": sql(
            f"UPDATE installation SET os_type = (SELECT id FROM name WHERE text = 'app-1') WHERE {ONE}"
        ),
        "a status": sql(f"UPDATE installation SET status = 9 WHERE {ONE}"),
    },
    "limits": {
        "an error line": in_errors("word " * 25),
        "a label": sql("UPDATE name SET label = ? WHERE label <> ''", "word " * 30),
        "an app": sql("UPDATE name SET text = ? WHERE text = 'app-1'", "a" * 65),
        "a fingerprint": sql(
            "UPDATE name SET text = 'no hexadecimals!' WHERE id = (SELECT min(id) FROM name WHERE kind = 'cause')"
        ),
    },
    "ids": {
        "an id of a client": sql(f"UPDATE installation SET random_id = ? WHERE {ONE}", b"tool-1700000000!"),
        "a short id": sql(f"UPDATE installation SET random_id = x'01' WHERE {ONE}"),
        "a hash out of range": sql(f"UPDATE installation SET person = -1 WHERE {ONE}"),
    },
    "mirror-columns": {"a column": mirrored(columns=COLUMNS | {"hostname"})},
    "identifiers-store": {
        "IPv4 in a line": in_errors("cannot connect to 10.20.30.40 port 443"),
        "IPv6 in a line": in_errors("cannot connect to 2001:db8::7f port 443"),
        "MAC in a line": in_errors("duplicate address a4:83:e7:01:02:03 on bridge"),
        "e-mail in a line": in_errors("cannot send mail to anna@nas.example.org"),
        "a host in a line": in_errors("Could not resolve host: nas.smith.de"),
        "a label": sql(
            "UPDATE name SET label = 'no route to 10.20.30.40' WHERE id = (SELECT max(id) FROM name WHERE label <> '')"
        ),
        "an app": sql("UPDATE name SET text = 'mybox.lan' WHERE text = 'app-1'"),
        "a method": sql("UPDATE name SET text = '10.20.30.40' WHERE kind = 'method' AND text LIKE 'my%'"),
        "a token": sql("UPDATE token SET name = 'anna@nas.example.org'"),
        "why the mirror refuses": sql("INSERT INTO change_set_aside VALUES (1, 'host 10.20.30.40', 0)"),
    },
    "identifiers-inbox": {
        "in a line": waits(error="cannot connect to 10.20.30.40 port 443"),
        "in a name": waits(nsapp="mybox.lan"),
    },
    "identifiers-logs": {
        "an address": logged("time='2026-11-22T00:00:00.000000Z' level='info' event='x' peer='10.20.30.40'"),
        "a host": logged("level='info' event='x' reason='cannot reach mybox.lan'"),
        "what only the scrubber sees": logged("level='error' event='x' reason='192.x.x.37 refused'"),
        "a traceback": logged("  connect(('2001:db8::7f', 80))"),
    },
    "identifiers-files": {
        "IPv4": spelled("x 10.20.30.40\n"),
        "MAC": spelled("x a4:83:e7:01:02:03\n"),
        "e-mail": spelled("x anna@nas.example.org\n"),
        "in the database": sql("CREATE TABLE visitor AS SELECT ' 10.20.30.40 ' AS a"),
        "in a log": logged("10.20.30.40"),
    },
    "requests": {
        "a request": logged(REQUEST),
        "more than is said": lambda service: (
            logged(f"{REQUEST} peer='x'")(service),
            service.settings.update(ENABLE_REQUEST_LOGGING="true"),
        ),
    },
    "erased": {
        "an installation": lambda service: service.sql(
            "INSERT INTO erased VALUES (?, ?)", service.identities.erased(event(8).random_id), NOW // DAY
        )
    },
    "tokens": {
        "a file": spelled(f"tel_{'x' * 43}\n"),
        "no hash": sql("UPDATE token SET hash = x'00'"),
    },
    "files": {
        "the key": lambda service: (service.data / "secret.key").chmod(0o640),
        "the store": lambda service: (service.data / "store.sqlite").chmod(0o604),
        "a log": lambda service: next(service.logs.iterdir()).chmod(0o644),
    },
    "history": {
        "another text": sql("UPDATE record_revision SET text = 'another'"),
        "other settings": lambda service: service.settings.update(PUBLISH_MIN_COUNT="1"),
    },
    "age-store": {
        "an installation": sql(f"UPDATE installation SET id = ? WHERE {ONE}", first_id(NOW // DAY - 365)),
        "a hash": sql("UPDATE erased SET day = ?", NOW // DAY - 365),
    },
    "age-inbox": {
        "a report": lambda service: service.wait(encode_event(event(900, received_at=NOW - 366 * DAY))),
    },
    "age-mirror": {"a record": mirrored(oldest="2025-11-01 00:00:00.000Z")},
    "age-logs": {"a file": lambda service: (service.logs / "telemetry-service-2026-11-01.log").touch(0o600)},
    "age-backups": {"a backup": lambda service: (service.data / "backups" / "telemetry-20261101T022000Z").mkdir(parents=True)},
    "ran-backup": {
        "late": lambda service: (
            service.settings.update(BACKUP_DAILY="true"),
            service.sql("UPDATE job_run SET job = 'backup' WHERE job = 'vacuum'"),
        ),
    },
    "ran-retention": {
        "late": ran("retention", f"started_at = {NOW - 27 * HOUR}"),
        "failed": ran("retention", "outcome = 'failed'"),
        "left something": ran("retention", """counts = '{"left": 3}'"""),
        "never": sql("DELETE FROM job_run WHERE job = 'retention'"),
    },
    "ran-erasure": {
        "a request waits": lambda service: service.wait(msgspec.msgpack.encode(Erasure(NOW - 2 * HOUR, b"x" * 16))),
    },
    "ran-vacuum": {
        "late": lambda service: (
            ran("erase", f"ended_at = {NOW - 8 * DAY}")(service),
            ran("vacuum", "outcome = 'failed'")(service),
        )
    },
    "ran-cleanup": {"late": ran("cleanup", f"started_at = {NOW - 5 * HOUR}")},
    "published": {
        "a day": sql("UPDATE public_count_day SET n = n + 1"),
        "a month": sql("UPDATE public_count_month SET n = 3"),
        "a figure": sql("INSERT INTO public_gauge VALUES ('x', 3)"),
    },
}
ELSEWHERE = ("served", "tls")
CASES = [(claim, name) for claim, breaks in BREAKS.items() for name in breaks]


@pytest.fixture(scope="module")
def scrubber() -> Scrubber:
    return EXPLAIN.prepare()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture
def service(prepared: Path, scrubber: Scrubber, tmp_path: Path) -> Iterator[Service]:
    return copied(prepared, tmp_path / "copy", scrubber)


def test_every_claim_has_a_check_and_is_broken_here() -> None:
    most = from_environ({"POCKETBASE_URL": "http://localhost:1", "POCKETBASE_TOKEN": "x", "BACKUP_DAILY": "true"})
    names = [claim.name for claim in claims(in_force(most))]
    assert len(names) == len(set(names))
    assert set(names) == CHECKS.keys() == {*BREAKS, *ELSEWHERE}


def test_every_claim_names_a_section_of_the_record() -> None:
    state = in_force(from_environ({"POCKETBASE_URL": "http://localhost:1", "POCKETBASE_TOKEN": "x"}))
    sections = {f"{part.name}-{section.name}" for part in record(state, Proved()).parts for section in part.sections}
    assert {claim.section for claim in claims(state)} <= sections


def test_where_the_record_is_true_no_claim_fails(service: Service) -> None:
    found = service.audited()
    wrong = {one.claim: (one.verdict, one.evidence) for one in found.findings if one.verdict is not Verdict.PASS}
    assert wrong.keys() == {"tls", "served"}
    assert {verdict for verdict, _ in wrong.values()} == {Verdict.UNCLEAR}
    assert found.holds


@pytest.mark.parametrize(("claim", "name"), CASES)
def test_a_claim_that_is_broken_fails(service: Service, claim: str, name: str) -> None:
    BREAKS[claim][name](service)
    found = service.audited()
    assert not found.holds
    finding = next(one for one in found.findings if one.claim == claim)
    assert finding.verdict is Verdict.FAIL, finding
    assert finding.evidence
    told = str(found)
    assert not any(value in told for value in PLANTED), told


class TestWhatCannotBeTold:
    @pytest.mark.parametrize("claim", ["mirror-columns", "age-mirror"])
    def test_a_mirror_that_does_not_answer(self, service: Service, claim: str) -> None:
        def cannot() -> Mirrored:
            raise CannotLook("PocketBase does not work")

        service.mirror = cannot
        finding = service.finding(claim)
        assert (finding.verdict, finding.evidence) == (Verdict.UNCLEAR, ("PocketBase does not work",))

    def test_what_cannot_be_read(self, service: Service) -> None:
        service.wait(b"\x91no event")
        found = service.audited()
        assert {one.claim for one in found.findings if one.verdict is Verdict.UNCLEAR} >= {"identifiers-inbox", "age-inbox"}

    def test_standard_error(self, service: Service) -> None:
        service.settings["LOG_DIR"] = ""
        for claim in ("identifiers-logs", "age-logs"):
            assert service.finding(claim).verdict is Verdict.UNCLEAR

    def test_tls_of_a_proxy(self, service: Service) -> None:
        service.settings["PROXY_TLS"] = "true"
        assert service.finding("tls").verdict is Verdict.UNCLEAR


class TestNoFalseAlarms:
    def test_requests_that_were_logged_while_the_record_said_so(self, service: Service) -> None:
        state = in_force(from_environ(environ(service.root) | {"ENABLE_REQUEST_LOGGING": "true"}))
        with closing(connect(service.data / FILE_NAME)) as connection:
            note_revision(connection, state, "0.1.0", NOW - 2 * DAY)
            off = in_force(from_environ(environ(service.root)))
            note_revision(connection, off, "0.1.0", NOW - HOUR)  # 11:00 on the 23rd
        logged(REQUEST)(service)
        assert service.finding("requests").verdict is Verdict.PASS
        logged(REQUEST.replace("T01", "T11"))(service)
        assert service.finding("requests").verdict is Verdict.FAIL

    def test_what_the_operator_says_of_himself(self, service: Service) -> None:
        service.settings |= {"CONTROLLER_CONTACT": "privacy@scripts.org", "HOSTING": "at 10.20.30.40"}
        state = in_force(from_environ(environ(service.root) | service.settings))
        with closing(connect(service.data / FILE_NAME)) as connection:
            note_revision(connection, state, "0.1.0", NOW)
        assert service.audited().holds

    def test_hosts_of_the_operator_in_the_log(self, service: Service) -> None:
        service.settings |= {"PUBLIC_URL": "https://telemetry.smith.de"}
        logged("level='warning' event='channel.failed' reason='https://telemetry.smith.de/x does not answer'")(service)
        assert service.finding("identifiers-logs").verdict is Verdict.PASS

    def test_an_account_that_everybody_uses(self, service: Service) -> None:
        in_errors("git@github.com: Permission denied (publickey).")(service)
        assert service.audited().holds

    def test_nothing_is_late_in_a_new_store(self, service: Service) -> None:
        service.sql("DELETE FROM job_run")
        service.sql("UPDATE schema_step SET applied_at = ?", NOW - HOUR)
        assert service.audited().holds

    def test_right_after_midnight_retention_has_still_to_run(self, service: Service) -> None:
        service.sql(f"UPDATE installation SET id = ? WHERE {ONE}", first_id(NOW // DAY - 365 + 1))
        midnight = (NOW // DAY + 1) * DAY
        service.now = midnight + HOUR // 2
        assert service.finding("age-store").verdict is Verdict.PASS
        service.now = midnight + 2 * HOUR
        assert service.finding("age-store").verdict is Verdict.FAIL

    def test_log_lines_of_the_service(self, service: Service) -> None:
        logged(
            "time='2026-11-22T00:00:00.0Z' level='info' event='mirror.waits' reason='PocketBase does not work: it answers 502'"
        )(service)
        assert service.finding("identifiers-logs").verdict is Verdict.PASS


@pytest.mark.parametrize("shift", [0, 40, files.OVERLAP_BYTES - 30, files.OVERLAP_BYTES])
def test_a_value_between_two_reads_is_found_once(service: Service, monkeypatch: pytest.MonkeyPatch, shift: int) -> None:
    monkeypatch.setattr(files, "CHUNK_BYTES", 1024)
    spelled(f"{'-' * (1024 - shift)} 10.20.30.40 {'-' * 3000}")(service)
    assert service.finding("identifiers-files").evidence == ("another file (.txt): 1 with IPv4 address",)


class Answers(BaseHTTPRequestHandler):
    """A service that counts `n` installations, without and with TLS."""

    n = 5

    def do_GET(self) -> None:
        body = msgspec.json.encode({"step": 1, "total": self.n, "list": [{"app": "a", "count": 10, "exit_code": 7}]})
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def answering(service: Service) -> Iterator[tuple[Service, HTTPServer]]:
    with HTTPServer(("127.0.0.1", 0), type("Mine", (Answers,), {})) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        service.address = ("127.0.0.1", server.server_port)
        yield service, server
        server.shutdown()
        thread.join()


class TestTheServiceItself:
    @pytest.mark.parametrize(("n", "verdict"), [(5, Verdict.PASS), (3, Verdict.FAIL)])
    def test_what_is_served(self, answering: tuple[Service, HTTPServer], n: int, verdict: Verdict) -> None:
        service, server = answering
        server.RequestHandlerClass.n = n  # type: ignore[attr-defined]
        assert service.finding("served").verdict is verdict

    def test_nobody_answers(self, service: Service) -> None:
        service.address = ("127.0.0.1", 1)
        assert service.finding("served").verdict is Verdict.UNCLEAR

    @pytest.mark.parametrize(("oldest", "verdict"), [("TLSv1_3", Verdict.PASS), ("TLSv1_2", Verdict.FAIL), ("", Verdict.FAIL)])
    def test_tls(self, answering: tuple[Service, HTTPServer], tmp_path: Path, oldest: str, verdict: Verdict) -> None:
        service, server = answering
        certificate = tmp_path / "cert.pem", tmp_path / "key.pem"
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x"]
        subprocess.run([*make, "-out", certificate[0], "-keyout", certificate[1]], check=True, capture_output=True)
        service.settings |= {"TLS_CERT_FILE": str(certificate[0]), "TLS_KEY_FILE": str(certificate[1])}
        if oldest:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.minimum_version = ssl.TLSVersion[oldest]
            context.load_cert_chain(*certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        finding = service.finding("tls")
        assert finding.verdict is verdict, finding
        if oldest:
            assert service.finding("served").verdict is Verdict.PASS


class TestWhatIsKept:
    def test_the_newest_and_its_run(self, service: Service) -> None:
        with closing(connect(service.data / FILE_NAME)) as connection:
            assert last_audit(connection) is None
            found = service.audited()
            with transaction(connection):
                note_audit(connection, found)
            assert last_audit(connection) == found
            run = last_run(connection, "audit")
            assert run is not None
            assert run.counts == {"pass": found.count(Verdict.PASS), "fail": 0, "unclear": 2}
            assert waiting_notices(connection) == []
            audited = proved(connection).audit
            assert audited is not None
            assert (audited.failed, audited.unclear) == (0, 2)

    def test_what_fails_is_told_once_until_it_holds_again(self, service: Service) -> None:
        told = []
        with closing(connect(service.data / FILE_NAME)) as connection:
            for number, text in enumerate(("broken", "broken", None, "broken")):
                path = service.data / "dump.txt"
                path.unlink(missing_ok=True)
                if text:
                    spelled("10.20.30.40")(service)
                found = msgspec.structs.replace(service.audited(), started_at=number)
                with transaction(connection):
                    note_audit(connection, found)
                told.append(len(waiting_notices(connection)))
            assert told == [1, 1, 1, 2]
            notice = waiting_notices(connection)[0][1]
        assert notice.title == "The record of processing does not hold: one claim"
        assert notice.lines == ("Does not hold: No byte of any file spells an IP address, MAC address or e-mail address.",)
