"""Issues from the API and from the button of a page: what they say, what they never say, and that a fix gets its comment."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pytest
from stored_data import StoredData

from github_server import TOKEN, GitHubServer
from mail_server import MailServer
from running_service import UNLIMITED, Answer, Client, Service, post_all, report
from telemetry_service.core.alerting.alert import Alert, Kind, Recovery, Share, Since
from telemetry_service.store.alerts import close_alert, open_alert
from telemetry_service.store.database import connect, transaction
from telemetry_service.store.runs import note_run
from telemetry_service.store.store import FILE_NAME

LINE = "E: Unable to locate package nodejs"
SECRET = "canary-host.example.com"
PUBLIC_URL = "https://t.example"
FORM = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}


class Place:
    """A service with published failures of one script, its GitHub and its mail server."""

    def __init__(self, root: Path, github: GitHubServer, mails: MailServer) -> None:
        self.github, self.mails = github, mails
        self.service = Service(
            root,
            **UNLIMITED,
            GITHUB_API_URL=github.url,
            GITHUB_OWNER="owner",
            GITHUB_REPO="repo",
            GITHUB_TOKEN=TOKEN,
            PUBLIC_URL=PUBLIC_URL,
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(mails.port),
            SMTP_FROM="t@example.org",
            SMTP_TO="a@example.org",
            REPORT_ENABLED="false",
        ).start()
        failed = {"status": "failed", "exit_code": 100, "error": LINE, "os_type": "debian", "os_version": "13"}
        post_all(self.service, [report(**failed) for _ in range(25)])
        post_all(self.service, [report(exit_code=0, os_type="debian", os_version="13") for _ in range(50)])
        post_all(self.service, [report(nsapp="rare", **failed)])
        StoredData(self.service.data).wait_until_folded()
        self.secret = self.service.command("token", "create", "--scope", "admin", "--name", "a").stdout.split()[-1]
        self.client: Client = self.service.client()

    def ask(self, **fields: Any) -> Answer:
        headers = {"authorization": f"Bearer {self.secret}", "content-type": "application/json"}
        return self.client.send("POST", "/api/github/create-issue", msgspec.json.encode(fields), headers)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with GitHubServer() as github, MailServer() as mails:
        found = Place(tmp_path_factory.mktemp("issues"), github, mails)
        yield found
        found.service.close_clients()
        assert found.service.stop() == 0
        assert "Traceback" not in found.service.log
        assert TOKEN not in found.service.log


@pytest.fixture
def github(place: Place) -> GitHubServer:
    place.github.fault = None
    place.github.issues.clear()
    place.github.comments.clear()
    return place.github


def test_an_issue_says_what_is_published_and_the_second_one_is_a_comment(place: Place, github: GitHubServer) -> None:
    asked = {
        "app_name": "Jellyfin",
        "exit_code": 100,
        "title": "Installation fails",
        "body": f"The host is {SECRET} and <b>10.1.2.3</b>",
        "labels": ["bug"],
        "failure_rate": 99.9,
        "error_text": f"root password hunter2 on {SECRET}",
    }
    answer = place.ask(**asked)
    assert answer.status == 200
    assert json.loads(answer.text) == {"success": True, "issue_url": "https://github.test/1", "created": True}
    (issue,) = github.issues
    assert (issue["title"], issue["labels"]) == ("Installation fails", ["telemetry", "bug"])
    body = issue["body"]
    assert "33.3 % of installations fail (95 % interval 23.7 to 44.6 %)" in body
    assert "| debian 13 | 33.3 %" in body
    assert f"\n    {LINE}\n" in body
    assert f"{PUBLIC_URL}/scripts/jellyfin" in body
    for secret in (SECRET, "hunter2", "10.1.2.3", "99.9", "<b>"):
        assert secret not in json.dumps(issue)
    again = json.loads(place.ask(**asked).text)
    assert again == {"success": True, "issue_url": "https://github.test/1", "created": False}
    assert len(github.issues) == 1
    (comment,) = github.comments[1]
    assert comment.startswith("It still happens.")


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        ({"app_name": "rare"}, 404, "too few installations"),
        ({"app_name": "nosuch"}, 404, "too few installations"),
        ({}, 400, "app_name: missing"),
        ({"app_name": "jellyfin", "exit_code": 256}, 400, "exit_code"),
        ({"app_name": 7}, 400, "body"),
        ({"line": "a line that nobody published"}, 404, "too few installations"),
    ],
)
def test_refused(place: Place, github: GitHubServer, fields: dict[str, Any], status: int, reason: str) -> None:
    answer = place.ask(**fields)
    assert (answer.status, github.issues) == (status, [])
    assert reason in answer.text


def test_what_github_does_not_do_is_said(place: Place, github: GitHubServer) -> None:
    github.fault = (403, {})
    answer = place.ask(app_name="jellyfin")
    assert answer.status == 502
    assert "Issues: read and write" in answer.text
    github.fault = (429, {"retry-after": "0"})
    answer = place.ask(app_name="jellyfin")
    assert (answer.status, answer.headers["retry-after"]) == (429, "1")
    assert github.issues == []


def log_in(place: Place) -> dict[str, str]:
    form = place.client.send("GET", "/login", headers={"accept": "text/html"})
    kept = form.headers["set-cookie"].partition(";")[0]
    fields = {"token": place.secret, "csrf_token": re.findall(r'csrf_token" value="([^"]+)"', form.text)[0]}
    entered = place.client.send("POST", "/login", urlencode(fields).encode(), FORM | {"cookie": kept})
    return {"cookie": entered.headers["set-cookie"].partition(";")[0]}


def test_the_button_of_an_admin(place: Place, github: GitHubServer) -> None:
    session = log_in(place)
    paths = {"app_name": "/scripts/jellyfin", "line": f"/errors?by=error&is={quote(LINE)}"}
    for number, (field, path) in enumerate(paths.items(), start=1):
        assert "/issues" not in place.client.send("GET", path).text
        page = place.client.send("GET", path, headers=session | {"accept": "text/html"}).text
        (form,) = re.findall(r'action="/issues".*?</form>', page)
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
        assert fields.keys() == {"csrf_token", field}
        body = urlencode(fields).encode()
        answer = place.client.send("POST", "/issues", body, FORM | session)
        assert answer.status == 200
        assert f"https://github.test/{number}" in answer.text
        without = urlencode({field: fields[field]}).encode()
        assert place.client.send("POST", "/issues", without, FORM | session).status == 403
    assert [issue["title"] for issue in github.issues] == ["jellyfin: 33 % of installations fail", LINE]
    assert "`jellyfin`" in github.issues[1]["body"]


def test_a_fix_is_told_and_said_under_the_issue(place: Place, github: GitHubServer) -> None:
    answer = place.ask(app_name="jellyfin")
    assert answer.status == 200
    now = time.time_ns() // 1000
    since = Since(now, now, now)
    alert = Alert(
        kind=Kind.BROKE,
        script="jellyfin lxc",
        source="community-scripts/ProxmoxVE",
        opened_at=now,
        since=since,
        before=Share(2, 50),
        after=Share(25, 30),
    )
    with closing(connect(place.service.data / FILE_NAME)) as connection, transaction(connection):
        number = open_alert(connection, alert)
        assert number is not None
        over = msgspec.structs.replace(alert, number=number, closed_at=now + 1, recovery=Recovery(since, Share(3, 60)))
        close_alert(connection, over)
        note_run(connection, "watch", started_at=now, ended_at=now)
    for _ in range(2):
        done = place.service.command("alerts")
        assert done.returncode == 0, done.stderr
    (mail,) = place.mails.mails
    text = mail.get_body(("plain",))
    assert text is not None
    assert "33.3 % of all installations fail" in text.get_content()  # the global rule
    assert "jellyfin (lxc) broke: most of its installations fail, few did before" in text.get_content()
    assert "jellyfin (lxc) is fixed: few of its installations fail, most did" in text.get_content()
    (comment,) = github.comments[1]
    assert comment.startswith("**Fix verified.** jellyfin (lxc) is fixed: few of its installations fail, most did.")
    assert "Since 20" in comment


def test_without_a_repository(new_service: Callable[..., Service]) -> None:
    service = new_service().start()
    post_all(service, [report() for _ in range(5)])
    StoredData(service.data).wait_until_folded()
    secret = service.command("token", "create", "--scope", "admin", "--name", "a").stdout.split()[-1]
    headers = {"authorization": f"Bearer {secret}"}
    answer = service.client().send("POST", "/api/github/create-issue", b'{"app_name": "jellyfin"}', headers)
    assert answer.status == 503
    assert "GITHUB_TOKEN must be set" in answer.text
