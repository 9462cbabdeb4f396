"""Access tokens: shown once, stored as a keyed hash."""

from contextlib import closing
from pathlib import Path

import pytest

from stored import IDS, opened, query
from telemetry_service.core.identity import Identities
from telemetry_service.store import store, tokens
from telemetry_service.store.database import StoreUnavailable, connect


def create(directory: Path, scope: str = "read", name: str = "dashboard") -> str:
    return tokens.create(directory, IDS, scope=scope, name=name, now=7)


def scope_of(directory: Path, secret: str, ids: Identities = IDS) -> str | None:
    with closing(connect(directory / store.FILE_NAME, read_only=True)) as connection:
        found = tokens.find(connection, ids.token(secret), today=0)
        return found.scope if found else None


def test_a_token_has_its_scope(tmp_path: Path) -> None:
    with opened(tmp_path):  # while the service runs
        secrets = {scope: create(tmp_path, scope, f"for {scope}") for scope in tokens.SCOPES}
    assert len(set(secrets.values())) == 3
    assert {scope: scope_of(tmp_path, secret) for scope, secret in secrets.items()} == {s: s for s in tokens.SCOPES}


def test_another_secret_or_another_key_is_no_token(tmp_path: Path) -> None:
    with opened(tmp_path):
        secret = create(tmp_path)
    for other in ("", secret[:-1], secret + "x", secret.swapcase(), "\udcff"):
        assert scope_of(tmp_path, other) is None
    assert scope_of(tmp_path, secret, Identities(b"x" * 32)) is None


def test_the_secret_is_on_no_disk(tmp_path: Path) -> None:
    with opened(tmp_path):
        secret = create(tmp_path)
        assert len(secret) > 40
        for path in tmp_path.iterdir():
            assert secret.removeprefix("tel_").encode() not in path.read_bytes()
    assert query(tmp_path, "SELECT name, scope, created_at FROM token") == [("dashboard", "read", 7)]


def test_a_name_is_given_once(tmp_path: Path) -> None:
    with opened(tmp_path):
        create(tmp_path)
        with pytest.raises(tokens.NameTaken):
            create(tmp_path, "admin")
    assert query(tmp_path, "SELECT scope FROM token") == [("read",)]


def test_a_store_that_does_not_answer(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    connection = connect(tmp_path / store.FILE_NAME, read_only=True)
    connection.close()
    with pytest.raises(StoreUnavailable):
        tokens.find(connection, b"", today=0)
    with pytest.raises(StoreUnavailable):
        create(tmp_path / "missing")


def test_a_store_without_its_tables(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        create(tmp_path)


def test_a_token_ends_with_its_day(tmp_path: Path) -> None:
    with opened(tmp_path):
        secret = tokens.create(tmp_path, IDS, scope="read", name="short", now=7, expires_day=3)
    with closing(connect(tmp_path / store.FILE_NAME, read_only=True)) as connection:
        valid = [day for day in range(6) if tokens.find(connection, IDS.token(secret), day)]
        assert valid == [0, 1, 2]
        assert [day for day in range(6) if tokens.by_id(connection, 1, day)] == valid


def test_revoking(tmp_path: Path) -> None:
    with opened(tmp_path):
        secret, other = create(tmp_path), create(tmp_path, name="other")
        assert tokens.revoke(tmp_path, "dashboard", now=86_400_000_000 * 5)
        assert not tokens.revoke(tmp_path, "dashboard", now=0)
        assert not tokens.revoke(tmp_path, "nobody", now=0)
        assert (scope_of(tmp_path, secret), scope_of(tmp_path, other)) == (None, "read")
        assert [(token.name, token.revoked_day) for token in tokens.every(tmp_path)] == [("dashboard", 5), ("other", None)]
        with pytest.raises(tokens.NameTaken):
            create(tmp_path)


def test_the_last_day_of_use_only_grows(tmp_path: Path) -> None:
    with opened(tmp_path):
        create(tmp_path)
        for day, expected in ((5, 5), (4, 5), (6, 6)):
            tokens.note_used(tmp_path, {1: day, 99: day})
            assert [token.last_used_day for token in tokens.every(tmp_path)] == [expected]


def test_noting_use_gives_way_to_a_writer(tmp_path: Path) -> None:
    with opened(tmp_path), closing(connect(tmp_path / store.FILE_NAME)) as writer:
        create(tmp_path)
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            tokens.note_used(tmp_path, {1: 5})
        writer.execute("ROLLBACK")
        assert tokens.every(tmp_path)[0].last_used_day is None
