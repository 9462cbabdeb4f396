"""Access tokens of a data directory."""

from telemetry_service.bootstrap.assembly import now, open_store
from telemetry_service.core.period import day_of, iso_day
from telemetry_service.settings import Settings
from telemetry_service.store import tokens
from telemetry_service.store.directory import identities, store_file


def create_token(settings: Settings, *, scope: str, name: str, days: int | None) -> str:
    """A new access token in the data directory, which is set up if it is new; valid today and `days` more, None for ever."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    ids = identities(settings.data_dir)
    open_store(settings, ids).close()
    expires_day = None if days is None else day_of(now()) + days + 1
    return tokens.create(settings.data_dir, ids, scope=scope, name=name, now=now(), expires_day=expires_day)


def list_tokens(settings: Settings) -> list[tuple[str, str, str, str, str, str]]:
    """Name, scope, day of creation, last day of validity, last day of use and state of all tokens."""
    _open_existing(settings)
    today = day_of(now())
    return [
        (
            token.name,
            token.scope,
            iso_day(token.created_day),
            "never" if token.expires_day is None else iso_day(token.expires_day - 1),
            "never" if token.last_used_day is None else iso_day(token.last_used_day),
            "revoked" if token.revoked_day is not None else "valid" if token.valid(today) else "expired",
        )
        for token in tokens.every(settings.data_dir)
    ]


def revoke_token(settings: Settings, name: str) -> bool:
    """End a token at once; whether there was a valid one of this name."""
    _open_existing(settings)
    return tokens.revoke(settings.data_dir, name, now=now())


def _open_existing(settings: Settings) -> None:
    store_file(settings.data_dir)
    open_store(settings, identities(settings.data_dir)).close()
