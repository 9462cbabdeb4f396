"""Where the site goes, and secrets from the environment or from files."""

from pathlib import Path

import pytest

from telemetry_service.settings import InvalidSettings, Secret, from_environ, warnings

GITHUB = {"GITHUB_OWNER": "owner", "GITHUB_REPO": "site"}


def test_secret_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("  ghp_abc\n")
    settings = from_environ({"GITHUB_TOKEN_FILE": str(tmp_path / "token")})
    assert settings.github_token.reveal() == "ghp_abc"
    assert warnings({"GITHUB_TOKEN_FILE": "x"}) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read (No such file"), ("", "empty"), (" \n", "empty"), ("x" * 5000, "more than 4096 bytes")],
)
def test_unusable_file_is_named_by_its_setting(tmp_path: Path, content: str | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    with pytest.raises(InvalidSettings) as caught:
        from_environ({"GITHUB_TOKEN_FILE": str(tmp_path / "token"), "RATE_BURST": "x"})
    assert [problem.split()[0] for problem in caught.value.problems] == ["RATE_BURST", "GITHUB_TOKEN_FILE"]
    assert reason in caught.value.problems[1]


def test_secret_in_two_places(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("ghp_abc")
    with pytest.raises(InvalidSettings, match="GITHUB_TOKEN_FILE cannot be set together with GITHUB_TOKEN"):
        from_environ({"GITHUB_TOKEN_FILE": str(tmp_path / "token"), "GITHUB_TOKEN": "ghp_abc"})


def test_only_secrets_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "owner").write_text("somebody")
    assert from_environ({"GITHUB_OWNER_FILE": str(tmp_path / "owner")}).github_owner == ""


@pytest.mark.parametrize("token", ["two\nlines", "tab\there", "ünicode"])
def test_secret_must_be_one_line(token: str) -> None:
    with pytest.raises(InvalidSettings, match="GITHUB_TOKEN must be one line") as caught:
        from_environ({"GITHUB_TOKEN": token})
    assert token not in str(caught.value)


def test_secret_does_not_show_itself() -> None:
    settings = from_environ({"GITHUB_TOKEN": "ghp_abc"})
    assert "ghp_abc" not in repr(settings) + str(settings.github_token) + f"{settings.github_token}"
    assert settings.github_token == Secret("ghp_abc") != Secret("other")
    assert settings.github_token
    assert not from_environ({}).github_token


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("GITHUB_OWNER", bad) for bad in ("-owner", "a/b", "a b", "..", "a.b")),
        *(("GITHUB_REPO", bad) for bad in ("-x", "../x", ".git", "a/b", "a b", "x" * 101)),
        *(("GITHUB_PAGES_BRANCH", bad) for bad in ("-x", "a..b", "/a", "a/", "a//b", "a b", "a.", "a:b", "+a", "@{1}")),
        *(("GITHUB_URL", bad) for bad in ("github.com", "http://github.com", "ssh://git@github.com", "https://", "ftp://x")),
        *(("GITHUB_URL", bad) for bad in ("https://me:pw@github.com", "https://x/?a=b", "https://x/#a", "ext::sh", "x y")),
        *(("PUBLISH_INTERVAL_MIN", bad) for bad in ("-1", "x", "44641")),
    ],
)  # fmt: skip
def test_what_cannot_be_used(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings, match=f"{name} must") as caught:
        from_environ({name: value})
    assert len(value) < 9 or value not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("GITHUB_OWNER", "community-scripts", "community-scripts"),
        ("GITHUB_REPO", "telemetry.data_1", "telemetry.data_1"),
        ("GITHUB_PAGES_BRANCH", "site/gh-pages_1.x", "site/gh-pages_1.x"),
        ("GITHUB_URL", "https://git.example.org:8443/hub/", "https://git.example.org:8443/hub"),
        ("GITHUB_URL", "http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("GITHUB_URL", "http://localhost", "http://localhost"),
        ("GITHUB_URL", "file:///srv/git", "file:///srv/git"),
    ],
)
def test_what_can_be_used(name: str, value: str, read: str) -> None:
    assert getattr(from_environ({name: value}), name.lower()) == read


def test_schedule_needs_to_know_where_to() -> None:
    with pytest.raises(InvalidSettings, match="PUBLISH_INTERVAL_MIN needs GITHUB_OWNER, GITHUB_REPO, GITHUB_TOKEN"):
        from_environ({"PUBLISH_INTERVAL_MIN": "60"})
    assert from_environ({"PUBLISH_INTERVAL_MIN": "60", "GITHUB_TOKEN": "x", **GITHUB}).publish_interval_min == 60
    assert from_environ({"PUBLISH_INTERVAL_MIN": "60", "GITHUB_URL": "file:///srv", **GITHUB}).publish_interval_min == 60
