"""Puts the parts of a publication together: settings, a copy of what is public, the site, the branch it goes to."""

import time
from pathlib import Path

import msgspec

from telemetry_service.core.identity import KEY_BYTES, Identities
from telemetry_service.core.installation import MICROSECONDS_PER_DAY
from telemetry_service.core.period import day_of, iso_day
from telemetry_service.core.record import Proved, record
from telemetry_service.core.reports.view import split_script
from telemetry_service.jobs.folder import NotOurs, replaced
from telemetry_service.jobs.git import Git, GitFailed
from telemetry_service.jobs.pages_branch import PagesBranch
from telemetry_service.jobs.publish import write_site
from telemetry_service.settings import Settings
from telemetry_service.settings.declared import as_recorded, in_force
from telemetry_service.store.public_copy import copy_public
from telemetry_service.store.publication import held_publication, note_success, repository
from telemetry_service.store.reading import PUBLIC, Reader
from telemetry_service.store.regrouping import published_step
from telemetry_service.store.reports import Reports
from telemetry_service.store.revisions import recorded, revisions
from telemetry_service.store.store import declared_sources
from telemetry_service.web.pages import Pages
from telemetry_service.web.static_files import StaticFiles


class CannotPublish(Exception):
    """The site could not be written or pushed; the text says why, what to do, and holds no secret."""


def publish(settings: Settings, to: Path | None, *, push: bool) -> list[str]:
    """Write the public site to a directory, push it, or both; returns what was done, for people.

    Raises `CannotPublish`, and `UnusableData` and `StoreUnavailable` of the store.
    """
    branch = _branch(settings) if push else None
    try:
        with held_publication(settings.data_dir) as work:
            copy, site = work / "copy", (to or work / "site").resolve()
            copy.mkdir()
            copy_public(settings.data_dir, copy)
            with replaced(site) as folder:
                day, size = _write(settings, copy, folder)
            said = [f"{to}: {size / 1e6:.1f} MB, counts up to {iso_day(day)}"] if to else []
            if branch is not None:
                pushed = branch.push(site, day)
                note_success(settings.data_dir, time.time_ns() // 1000)
                change = "now at" if pushed.changed else "unchanged, at"
                said.append(f"{settings.github_pages_branch}: {change} {pushed.commit[:12]}, counts up to {iso_day(day)}")
            return said
    except (NotOurs, GitFailed) as error:
        raise CannotPublish(str(error)) from None
    except OSError as error:
        raise CannotPublish(f"the site cannot be written ({error.strerror})") from None


def _branch(settings: Settings) -> PagesBranch:
    missing = [name for name in ("GITHUB_OWNER", "GITHUB_REPO") if not getattr(settings, name.lower())]
    if missing:
        raise CannotPublish(f"{' and '.join(missing)} must be set to push")
    url = f"{settings.github_url}/{settings.github_owner}/{settings.github_repo}.git"
    directory = repository(settings.data_dir.resolve())
    return PagesBranch(Git(directory, url, settings.github_token), directory, settings.github_pages_branch)


def _write(settings: Settings, copy: Path, folder: Path) -> tuple[int, int]:
    """(UTC day up to which the data goes, bytes written)."""
    reader = Reader(copy)
    # What is said of steps and of what is in force is true of the copy, also where the settings are not those of the service.
    k = published_step(reader.connection) or settings.publish_min_count
    state = msgspec.structs.replace(recorded(reader.connection, in_force(settings)), publish_min_count=k)
    settings = as_recorded(settings, state)
    document = record(state, Proved(revisions=revisions(reader.connection), is_current=False))
    newest = reader.newest_day(PUBLIC)
    day = day_of(time.time_ns() // 1000) if newest is None else newest
    read_at = day * MICROSECONDS_PER_DAY
    sources = declared_sources(copy)
    reports = Reports(
        reader,
        sources,
        Identities(b"\0" * KEY_BYTES),  # no installation is in the copy
        step=k,
        stuck_hours=settings.cleanup_stuck_hours,
        now=read_at,
    )
    apps = sorted({split_script(script)[0] for script in reader.names.of_kind("script")})
    files = StaticFiles(Pages(settings), reports, sources, document, day, read_at)
    try:
        return day, write_site(folder, copy, files.all(apps), day=day, k=k)
    finally:
        reader.connection.close()
