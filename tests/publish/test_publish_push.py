"""Pushing to the Pages branch: real git, a real bare repository, over file and over HTTP."""

import os
import shutil
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest
from git_server import serving
from published_data import DAY, K, Reporter, contents, environ, fold, usual_events

from telemetry_service.bootstrap.publishing import CannotPublish, publish
from telemetry_service.jobs import pages_branch
from telemetry_service.settings import from_environ
from telemetry_service.store.publication import last_success, repository

TOKEN = "ghp_0123456789secretABCDEF"
BRANCH = "refs/heads/gh-pages"


def git(directory: Path, *arguments: str) -> str:
    person = {f"GIT_{role}_{what}": "x@x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(["git", *arguments], cwd=directory, env=os.environ | person, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    bare = tmp_path / "hub" / "owner" / "site.git"
    bare.mkdir(parents=True)
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main")
    return bare


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(pages_branch.PagesBranch.__init__, "__defaults__", (waited.append,))
    return waited


def push(data: Path, url: str, **settings: str) -> str:
    usual = {"GITHUB_OWNER": "owner", "GITHUB_REPO": "site", "GITHUB_URL": url}
    (said,) = publish(from_environ(environ(data, **(usual | settings))), None, push=True)
    return said


def by_file(remote: Path) -> str:
    return f"file://{remote.parent.parent}"


def shown(remote: Path, tmp_path: Path) -> dict[str, bytes]:
    """The files that the branch shows."""
    target = tmp_path / "checked-out"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    git(remote, f"--work-tree={target}", "checkout", "--quiet", "--force", BRANCH, "--", ".")
    return contents(target)


def more(data: Path, already: int = 0) -> None:
    """Another k successes of one script, after `already` as many."""
    reporter = Reporter()
    reporter._number = len(usual_events(Reporter())) + already * K
    fold(data, reporter.installations("jellyfin", "success", K))


def test_branch_shows_the_site(data: Path, remote: Path, tmp_path: Path) -> None:
    assert "now at" in push(data, by_file(remote))
    publish(from_environ(environ(data)), tmp_path / "site", push=False)
    assert shown(remote, tmp_path) == contents(tmp_path / "site")


def test_same_data_is_not_pushed_again(data: Path, remote: Path) -> None:
    push(data, by_file(remote))
    commit = git(remote, "rev-parse", BRANCH)
    assert "unchanged" in push(data, by_file(remote))
    shutil.rmtree(repository(data))
    assert "unchanged" in push(data, by_file(remote))
    assert git(remote, "rev-parse", BRANCH) == commit


def test_commit_depends_on_the_data_alone(data: Path, remote: Path) -> None:
    push(data, by_file(remote))
    commit = git(remote, "rev-parse", BRANCH)
    git(remote, "update-ref", "-d", BRANCH)
    shutil.rmtree(repository(data))
    push(data, by_file(remote))
    assert git(remote, "rev-parse", BRANCH) == commit
    assert git(remote, "show", "--no-patch", "--format=%ad %cd", "--date=unix", commit) == f"{DAY * 86400} {DAY * 86400}"


def test_new_data_replaces_the_one_commit(data: Path, remote: Path, tmp_path: Path) -> None:
    push(data, by_file(remote))
    first = git(remote, "rev-parse", BRANCH)
    for already in range(3):
        more(data, already)
        push(data, by_file(remote))
    assert git(remote, "rev-list", "--count", BRANCH) == "1"
    assert git(remote, "rev-parse", BRANCH) != first
    assert b'"total":135' in shown(remote, tmp_path)["api/scripts/jellyfin.json"]


def test_repository_on_disk_keeps_one_commit(data: Path, remote: Path) -> None:
    push(data, by_file(remote))
    more(data)
    push(data, by_file(remote))
    kept = git(repository(data), "rev-list", "--all", "--objects").splitlines()
    counted = dict(line.split(": ") for line in git(repository(data), "count-objects", "-v").splitlines())
    assert int(counted["count"]) + int(counted["in-pack"]) == len(kept)


def test_other_branches_are_left_alone(data: Path, remote: Path, tmp_path: Path) -> None:
    (tmp_path / "clone").mkdir()
    git(tmp_path / "clone", "init", "--quiet", "--initial-branch=main")
    (tmp_path / "clone" / "code").write_text("precious")
    git(tmp_path / "clone", "add", ".")
    git(tmp_path / "clone", "commit", "--quiet", "-m", "code")
    git(tmp_path / "clone", "push", "--quiet", str(remote), "main", "main:refs/heads/x/refs/heads/gh-pages")
    main = git(remote, "rev-parse", "main")

    push(data, by_file(remote))
    assert git(remote, "rev-parse", "main") == main
    with pytest.raises(CannotPublish, match="main holds something else"):
        push(data, by_file(remote), GITHUB_PAGES_BRANCH="main")
    assert git(remote, "rev-parse", "main") == main


def test_custom_domain_stays(data: Path, remote: Path, tmp_path: Path) -> None:
    push(data, by_file(remote))
    git(tmp_path, "clone", "--quiet", "--branch=gh-pages", str(remote), "clone")
    (tmp_path / "clone" / "CNAME").write_text("numbers.example.org\n")
    git(tmp_path / "clone", "add", ".")
    git(tmp_path / "clone", "commit", "--quiet", "-m", "domain")
    git(tmp_path / "clone", "push", "--quiet")

    more(data)
    push(data, by_file(remote))
    assert shown(remote, tmp_path)["CNAME"] == b"numbers.example.org\n"
    assert git(remote, "rev-list", "--count", BRANCH) == "1"
    assert "unchanged" in push(data, by_file(remote))


def test_directory_and_branch_at_once(data: Path, remote: Path, tmp_path: Path) -> None:
    settings = environ(data, GITHUB_OWNER="owner", GITHUB_REPO="site", GITHUB_URL=by_file(remote))
    assert len(publish(from_environ(settings), tmp_path / "site", push=True)) == 2
    assert shown(remote, tmp_path) == contents(tmp_path / "site")


def test_broken_repository_on_disk_is_made_anew(data: Path, remote: Path, pauses: list[float]) -> None:
    push(data, by_file(remote))
    shutil.rmtree(repository(data) / "objects")
    (repository(data) / "objects").write_text("not a directory")
    more(data)
    assert "now at" in push(data, by_file(remote))
    assert pauses == [2.0]


def test_right_token_over_http(data: Path, remote: Path, tmp_path: Path) -> None:
    with serving(remote.parent.parent, TOKEN) as server:
        assert "now at" in push(data, server.url, GITHUB_TOKEN=TOKEN)
        assert "unchanged" in push(data, server.url, GITHUB_TOKEN=TOKEN)
        shutil.rmtree(repository(data))
        more(data)
        assert "now at" in push(data, server.url, GITHUB_TOKEN=TOKEN)
    assert "index.html" in shown(remote, tmp_path)
    assert last_success(data) is not None


@pytest.mark.parametrize("token", ["ghp_wrong", ""])
def test_wrong_token_is_said_at_once(data: Path, remote: Path, pauses: list[float], token: str) -> None:
    with serving(remote.parent.parent, TOKEN) as server:
        with pytest.raises(CannotPublish, match=r"GITHUB_TOKEN is not (accepted|set)") as caught:
            push(data, server.url, GITHUB_TOKEN=token)
        assert all(request.path.startswith("/owner/site.git/info/refs") for request in server.requests)
    assert not token or token not in str(caught.value)
    assert pauses == []
    assert git(remote, "for-each-ref") == ""
    assert last_success(data) is None


def test_repository_that_is_not_there(data: Path, remote: Path, pauses: list[float]) -> None:
    with serving(remote.parent.parent, TOKEN) as server, pytest.raises(CannotPublish, match="there is no repository"):
        push(data, server.url, GITHUB_TOKEN=TOKEN, GITHUB_REPO="typo")
    assert pauses == []


def test_server_that_recovers_is_asked_again(data: Path, remote: Path, pauses: list[float]) -> None:
    with serving(remote.parent.parent, TOKEN) as server:
        server.failures = 2
        assert "now at" in push(data, server.url, GITHUB_TOKEN=TOKEN)
    assert pauses == [2.0, 10.0]


def test_server_that_does_not_recover_is_given_up(data: Path, remote: Path, pauses: list[float]) -> None:
    with serving(remote.parent.parent, TOKEN) as server:
        server.failures = 1000
        with pytest.raises(CannotPublish, match=r"git ls-remote: .*503"):
            push(data, server.url, GITHUB_TOKEN=TOKEN)
    assert pauses == list(pages_branch.RETRY_SECONDS)


def test_token_goes_to_its_host_alone(data: Path, remote: Path, pauses: list[float]) -> None:
    with serving(remote.parent.parent, TOKEN) as target, serving(remote, TOKEN, elsewhere=target.url) as server:
        with pytest.raises(CannotPublish):
            push(data, server.url, GITHUB_TOKEN=TOKEN)
        assert target.requests
        assert all(request.authorization is None for request in target.requests)


def spy(folder: Path, before: str = "") -> Path:
    """A `git` in front of the real one that writes down what it was started with."""
    folder.mkdir()
    real = shutil.which("git")
    program = folder / "git"
    program.write_text(
        f'#!/bin/sh\n{{ printf \'%s\\n\' "$@"; env; cat /proc/$$/environ; }} >> {folder}/started\n{before}\nexec {real} "$@"\n'
    )
    program.chmod(0o755)
    return folder


def test_token_is_in_no_argument_environment_or_file(
    data: Path, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    spied = spy(tmp_path / "bin")
    monkeypatch.setenv("PATH", f"{spied}:{os.environ['PATH']}")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)  # where an operator has it; git must not inherit it
    with serving(remote.parent.parent, TOKEN) as server:
        push(data, server.url, GITHUB_TOKEN=TOKEN)
        assert any(request.authorization == server.authorization for request in server.requests)

    shapes = (TOKEN.encode(), b64encode(f"x-access-token:{TOKEN}".encode()).rstrip(b"="))
    started = (spied / "started").read_bytes()
    assert b"push" in started
    printed = "".join(capfd.readouterr()).encode()
    for found in (started, printed, *contents(data).values()):
        assert not any(shape in found for shape in shapes)


def test_somebody_else_who_pushes_in_between_is_not_overwritten(
    data: Path, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pauses: list[float]
) -> None:
    tree = git(remote, "mktree", "--missing")
    theirs = git(remote, "commit-tree", tree, "-m", "theirs")
    moves = f'case "$*" in *" push "*) {shutil.which("git")} --git-dir={remote} update-ref {BRANCH} {theirs};; esac'
    monkeypatch.setenv("PATH", f"{spy(tmp_path / 'bin', moves)}:{os.environ['PATH']}")
    with pytest.raises(CannotPublish, match="holds something else"):
        push(data, by_file(remote))
    assert pauses == [2.0]
    assert git(remote, "rev-parse", BRANCH) == theirs


def test_git_of_the_user_has_no_say(data: Path, remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(
        "[core]\n autocrlf = true\n[commit]\n gpgsign = true\n[user]\n name = Private Person\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    push(data, by_file(remote))
    monkeypatch.delenv("GIT_DIR")
    assert "Private" not in git(remote, "show", "--no-patch", "--format=fuller", BRANCH)


def test_without_git_it_says_so(data: Path, remote: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotPublish, match="git is not installed"):
        push(data, by_file(remote))


@pytest.mark.parametrize("missing", ["GITHUB_OWNER", "GITHUB_REPO"])
def test_where_to_must_be_known(data: Path, missing: str) -> None:
    with pytest.raises(CannotPublish, match=missing):
        push(data, "https://github.com", **{missing: ""})


def test_command_line(data: Path, remote: Path, tmp_path: Path) -> None:
    def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | environ(Path("data"), GITHUB_OWNER="owner", GITHUB_REPO="site", GITHUB_URL=by_file(remote), **settings)
        command = [sys.executable, "-m", "telemetry_service", "publish", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    assert run("--to", "site").returncode == 0
    assert (tmp_path / "site" / "index.html").exists()
    assert "now at" in run("--push").stdout
    nowhere = run()
    assert nowhere.returncode == 2
    assert "--to DIR" in nowhere.stderr
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    refused = run("--push", GITHUB_TOKEN_FILE=str(tmp_path / "token"), GITHUB_PAGES_BRANCH="-bad")
    assert refused.returncode == 1
    assert "GITHUB_PAGES_BRANCH must be the name of a branch" in refused.stderr
    assert TOKEN not in refused.stderr
