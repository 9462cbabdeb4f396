"""Access and erasure as a person asks for them: whatever waits, whoever asks, and whenever the service is killed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest
from stored_data import StoredData

from running_service import UNLIMITED, Answer, Client, Service, post_all, report, wait_until
from telemetry_service.core.fields import FIELDS

ACCESS, ERASE, PAGE = "/api/privacy/access", "/api/privacy/erase", "/privacy/data"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask(client: Client, path: str, random_id: str, **more: str) -> Answer:
    return client.send("POST", path, json.dumps({"random_id": random_id, **more}))


def shown(client: Client, random_id: str, **more: str) -> dict[str, Any]:
    answer = ask(client, ACCESS, random_id, **more)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    return dict(json.loads(answer.text))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("rights"), **UNLIMITED).start()
    yield service
    service.close_clients()
    assert service.stop() == 0
    assert "Traceback" not in service.log


@pytest.fixture
def client(place: Service) -> Client:
    return place.client()


def test_access_shows_every_field_and_when_it_goes(client: Client) -> None:
    random_id = str(uuid4())
    client.post(report(random_id=random_id, status="installing", disk_size=8))
    client.post(report(random_id=random_id, status="failed", exit_code=100, error="E: Unable to locate package x"))
    own = shown(client, random_id)
    assert own["random_id"] == random_id
    (one,) = own["installations"]
    assert list(one["fields"]) == [field.name for field in FIELDS]
    assert (one["fields"]["status"], one["fields"]["disk_size"], one["fields"]["error_category"]) == ("failed", 8, "apt")
    assert [status["status"] for status in one["statuses"]] == ["installing", "failed"]
    assert int(one["deleted_on"][:4]) - int(one["counted_on"][:4]) == 1
    assert shown(client, str(uuid4()))["installations"] == []


def test_nothing_is_hidden_while_it_waits_and_nothing_erased_is_shown(new_service: Any) -> None:
    service = new_service().start()
    client, random_id, other = service.client(), str(uuid4()), str(uuid4())
    client.post(report(random_id=random_id, status="installing"))
    StoredData(service.data).wait_until_folded()
    service.pause_worker()
    client.post(report(random_id=random_id, status="failed", exit_code=1))
    client.post(report(random_id=other))
    own = shown(client, random_id)
    assert own["waiting_reports"] == 1
    assert own["installations"][0]["fields"]["status"] == "failed"
    assert ask(client, ERASE, random_id).status == 202
    client.post(report(random_id=random_id, status="success"))  # late, from a machine that does not know
    own = shown(client, random_id)
    assert (own["installations"], own["waiting_reports"]) == ([], 0)
    assert own["erased"]["on"] < own["erased"]["hash_deleted_on"]
    service.kill()  # what was answered is on disk
    service.start()
    stored = StoredData(service.data)
    stored.wait_until_folded()
    assert stored.installations().keys() == {UUID(other)}
    stored.check_counted_once()
    assert shown(service.client(), random_id) == own
    assert shown(service.client(), other)["installations"][0]["fields"]["status"] == "success"
    assert service.command("recount").returncode == 0


def test_erasing_answers_the_same_whether_anything_was_stored(client: Client, place: Service) -> None:
    there, never = str(uuid4()), str(uuid4())
    client.post(report(random_id=there))
    answers = [ask(client, ERASE, random_id) for random_id in (there, there, never)]
    assert len({(answer.status, tuple(sorted(answer.headers.items())), answer.text) for answer in answers}) == 1
    assert answers[0].status == 202
    wait_until(lambda: UUID(there) not in StoredData(place.data).installations(), "the installation to be gone")


def test_ids_that_are_no_uuids_are_found_as_they_were_reported(client: Client) -> None:
    client.post(report(random_id="1763900000-x", nsapp="some-app"))
    assert shown(client, "1763900000-x")["installations"][0]["fields"]["nsapp"] == "some-app"
    for app in ("clean-lxcs", "update-lxcs"):
        client.post(report(random_id="tool-1763900000", nsapp=app, type="tool"))
    mine = {"nsapp": "Clean-LXCs", "type": "tool"}
    assert [one["fields"]["nsapp"] for one in shown(client, "tool-1763900000", **mine)["installations"]] == ["clean-lxcs"]
    assert ask(client, ACCESS, "tool-1763900000").text == "nsapp: missing\n"
    assert ask(client, ERASE, "tool-1763900000", nsapp="clean-lxcs").text == "type: missing\n"
    assert ask(client, ERASE, "tool-1763900000", **mine).status == 202
    assert shown(client, "tool-1763900000", **mine)["installations"] == []
    assert len(shown(client, "tool-1763900000", nsapp="update-lxcs", type="tool")["installations"]) == 1


def test_json_and_forms_are_understood_and_nothing_else(client: Client) -> None:
    random_id = str(uuid4())
    client.post(report(random_id=random_id))
    asked = json.dumps({"random_id": random_id})
    for body, headers in (
        (asked, {}),
        (asked, {"Content-Type": "application/json"}),
        (asked, FORM),  # as curl -d sends it
        (urlencode({"random_id": random_id.upper()}), FORM),
    ):
        answer = client.send("POST", ACCESS, body, headers)
        assert (answer.status, len(json.loads(answer.text)["installations"])) == (200, 1), body
    for body in (
        "",
        "[]",
        "{}",
        '{"random_id":',
        '{"random_id":null}',
        '{"random_id":"unknown"}',
        '{"random_id":[1]}',
        "\0" * 99,
    ):
        answer = client.send("POST", ERASE, body)
        assert (answer.status, answer.headers["cache-control"]) == (400, "no-store"), body
    assert client.send("POST", ERASE, json.dumps({"random_id": "x" * 200})).text == "random_id: not a usable id\n"
    assert client.send("POST", ERASE, "random_id=" + "x" * 20_000, FORM).text == "body: larger than any id\n"
    assert client.send("GET", ERASE).headers["allow"] == "POST"


def test_another_site_cannot_make_a_browser_ask(client: Client) -> None:
    random_id = str(uuid4())
    client.post(report(random_id=random_id))
    for path in (ACCESS, ERASE, PAGE):
        answer = client.send("POST", path, urlencode({"random_id": random_id}), FORM | {"Sec-Fetch-Site": "cross-site"})
        assert answer.status == 403
        assert "access-control-allow-origin" not in answer.headers
    assert len(shown(client, random_id)["installations"]) == 1


def test_the_page_shows_and_erases_without_javascript_or_cookies(client: Client) -> None:
    random_id = str(uuid4())
    client.post(report(random_id=random_id, status="failed", exit_code=1, nsapp="page-app"))

    def press(button: str, **fields: str) -> Answer:
        return client.send("POST", PAGE, urlencode({"random_id": random_id, "do": button, **fields}), FORM)

    for answer in (client.send("GET", PAGE), press("show")):
        assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
        assert "set-cookie" not in answer.headers
    assert "page-app" in press("show").text
    assert "Tick the box" in press("erase").text
    assert "page-app" in press("show").text
    done = press("erase", sure="yes")
    assert (done.status, random_id in done.text) == (202, False)
    assert "Nothing is stored under this id" in press("show").text
    assert PAGE in client.send("GET", "/privacy").text
    tool = client.send("POST", PAGE, urlencode({"random_id": "tool-1", "do": "show"}), FORM)
    assert (tool.status, "Nsapp: missing" in tool.text, "<details open>" in tool.text) == (400, True, True)


def test_no_byte_of_what_was_erased_is_left_in_any_file(new_service: Any) -> None:
    """Store, inbox, write-ahead logs, log, a backup made after it: everything that the service wrote."""
    service = new_service().start()
    names = {"nsapp": "canary-app", "method": "canary-method", "os_version": "canary"}
    mine = [report(**(names if n < 3 else {})) for n in range(40)]  # more of a name would be published, and stay
    others = [report(nsapp=f"app-{n % 20}") for n in range(1200)]
    for start in range(40):  # among others, in many groups and pages
        post_all(service, [*others[start * 30 : start * 30 + 30], mine[start]])
    stored = StoredData(service.data)
    stored.wait_until_folded()
    ids = [UUID(payload["random_id"]) for payload in mine]
    canaries = [form for one in ids for form in (one.bytes, str(one).encode(), one.hex.encode())] + [b"canary"]

    def found() -> list[bytes]:
        content = b"\0".join(path.read_bytes() for path in service.root.rglob("*") if path.is_file())
        return [canary for canary in canaries if canary in content]

    assert {ids[0].bytes, b"canary"} <= set(found())
    client = service.client()
    assert {ask(client, ERASE, str(one)).status for one in ids} == {202}
    stored.wait_until_emptied()
    log = service.data / "inbox.sqlite-wal"
    wait_until(lambda: not log.stat().st_size, "the log of the inbox to be emptied")
    assert service.command("vacuum").returncode == 0
    assert service.command("backup").returncode == 0
    assert found() == []
    assert len(stored.installations()) == len(others)
    stored.check_counted_once()


def test_guessing_is_slowed_down_by_network(new_service: Any) -> None:
    service = new_service(RATE_LIMIT_PRIVACY_RPM="5").start()
    mine, neighbour = service.client("127.0.0.2"), service.client("127.0.0.3")
    assert [ask(mine, ACCESS, str(uuid4())).status for _ in range(11)] == [200] * 10 + [429]
    assert ask(mine, ERASE, str(uuid4())).headers["retry-after"] in ("11", "12")
    refused = mine.send("POST", PAGE, urlencode({"random_id": "x"}), FORM)
    assert (refused.status, "retry-after" in refused.headers) == (429, True)
    assert [ask(neighbour, ERASE, f"1763900{n}").status for n in range(3)] == [202, 202, 429]
    assert ask(neighbour, ERASE, str(uuid4())).status == 202


def test_no_id_is_in_a_log_or_an_error(new_service: Any, tmp_path: Path) -> None:
    service = new_service(ENABLE_REQUEST_LOGGING="true", LOG_DIR=str(tmp_path / "logs"), LISTEN_ADDR="127.0.0.1:0")
    service.spawn()
    log = wait_until(lambda: next(iter((tmp_path / "logs").glob("*")), None), "a log file")
    address = wait_until(lambda: log.read_text().partition("address='http://127.0.0.1:")[2].partition("'")[0], "the address")
    service.address = ("127.0.0.1", int(address))
    client, random_id = service.client(), str(uuid4())
    said = [ask(client, path, random_id) for path in (ACCESS, ERASE, ACCESS)]
    said += [client.send("POST", path, f'{{"random_id": "{random_id}", ') for path in (ACCESS, ERASE)]
    said.append(ask(client, ERASE, random_id * 9))
    assert [answer.status for answer in said] == [200, 202, 200, 400, 400, 400]
    assert all(random_id not in answer.text for answer in said[1:2] + said[3:])
    wait_until(lambda: log.read_text().count(ERASE) == 3, "the requests to be logged")
    service.stop()
    assert random_id not in log.read_text() + service.log
    assert random_id.replace("-", "") not in log.read_text() + service.log
