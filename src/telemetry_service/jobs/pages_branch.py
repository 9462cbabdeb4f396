"""The branch that GitHub Pages shows: one commit without a past, replaced as a whole when the public data has changed."""

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from telemetry_service.core.period import iso_day
from telemetry_service.jobs.git import BrokenRepository, Git, GitFailed

RETRY_SECONDS = (2.0, 10.0, 60.0)  # waited before the second, third, ... attempt
SECONDS_PER_DAY = 86_400
MARK = "site.json"  # a branch whose newest commit has this file is one that publishing made
MARK_TEXT = "telemetry-service"
CUSTOM_DOMAIN = "CNAME"  # GitHub's own file in the branch: the domain that an operator chose there
_KEPT = "refs/heads/published"
_AUTHOR = ("Telemetry Service", "telemetry-service@invalid")

log = logging.getLogger(__name__)


class Pushed(NamedTuple):
    """The commit that the branch shows now, and whether it is another one than before."""

    commit: str
    changed: bool


class PagesBranch:
    """Pushes a folder to one branch. Keeps what it pushed last in a bare repository, so that only changes travel."""

    def __init__(self, git: Git, directory: Path, branch: str, wait: Callable[[float], None] = time.sleep) -> None:
        self._git = git
        self._directory = directory
        self._branch = f"refs/heads/{branch}"
        self._wait = wait

    def push(self, folder: Path, day: int) -> Pushed:
        """Make the branch show a folder, whose data goes up to a UTC day.

        Equal folders make equal commits, and nothing is pushed when the branch shows the same already. What somebody else
        pushed in between is never overwritten. Tried again with growing pauses; raises `GitFailed` in the end.
        """
        for pause in (*RETRY_SECONDS, None):
            try:
                return self._push(folder, day)
            except GitFailed as error:
                if error.lasting or pause is None:
                    raise
                if isinstance(error, BrokenRepository):
                    shutil.rmtree(self._directory, ignore_errors=True)  # it can be had again from the remote
                log.warning("publish.retry", extra={"reason": str(error), "in_seconds": pause})
                self._wait(pause)
        raise AssertionError("unreachable")

    def _push(self, folder: Path, day: int) -> Pushed:
        self._prepare()
        before = self._commit_there()
        if before and not self._has(before):
            self._git.remote("fetch", "--quiet", "--depth=1", "--no-tags", self._git.url, self._branch)
        domain = self._kept_from(before) if before else ""
        tree = self._tree(folder, domain)
        if before and tree == self._git.local("rev-parse", f"{before}^{{tree}}"):
            return Pushed(before, changed=False)
        commit = self._commit(tree, day)
        # The lease: only if the branch still is what was looked at, or still does not exist.
        self._git.remote(
            *("push", "--quiet", f"--force-with-lease={self._branch}:{before}", self._git.url, f"{commit}:{self._branch}")
        )
        self._git.local("update-ref", _KEPT, commit)
        self._git.local("gc", "--quiet", "--prune=now")
        return Pushed(commit, changed=True)

    def _prepare(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        if not (self._directory / "HEAD").exists():
            self._git.local("init", "--quiet", "--bare", "--template=")
        self._git.local("rev-parse", "--git-dir")

    def _commit_there(self) -> str:
        """The commit of the branch on the remote; empty if there is no such branch."""
        for line in self._git.remote("ls-remote", self._git.url, self._branch).splitlines():
            commit, _, name = line.partition("\t")
            if name == self._branch:  # git also lists names that only end in it
                return commit
        return ""

    def _has(self, commit: str) -> bool:
        try:
            self._git.local("cat-file", "-e", f"{commit}^{{tree}}")
        except GitFailed:
            return False
        return True

    def _kept_from(self, before: str) -> str:
        """The entry of the custom domain, if there is one.

        Raises `GitFailed` for a branch that publishing did not make: it would be lost.
        """
        entries = {
            name: entry
            for entry, _, name in (
                line.partition("\t") for line in self._git.local("ls-tree", before, MARK, CUSTOM_DOMAIN).splitlines()
            )
        }
        if MARK not in entries or MARK_TEXT not in self._git.local("cat-file", "blob", entries[MARK].split()[2]):
            raise GitFailed(
                f"the branch {self._branch.removeprefix('refs/heads/')} holds something else, which publishing would replace;"
                " delete it there, or set GITHUB_PAGES_BRANCH to another name",
                lasting=True,
            )
        return entries.get(CUSTOM_DOMAIN, "")

    def _tree(self, folder: Path, domain: str) -> str:
        index = self._directory / "index"
        index.unlink(missing_ok=True)
        environ = {"GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(index)}
        self._git.local("add", "--all", "--force", ".", cwd=folder, environ=environ)
        if domain:
            mode, _, blob = domain.split()
            self._git.local("update-index", "--add", "--cacheinfo", f"{mode},{blob},{CUSTOM_DOMAIN}", environ=environ)
        return self._git.local("write-tree", environ=environ)

    def _commit(self, tree: str, day: int) -> str:
        """A commit without parents, dated by its data."""
        name, address = _AUTHOR
        date = f"{day * SECONDS_PER_DAY} +0000"
        environ = {
            f"GIT_{role}_{what}": text
            for role in ("AUTHOR", "COMMITTER")
            for what, text in (("NAME", name), ("EMAIL", address), ("DATE", date))
        }
        return self._git.local("commit-tree", tree, "-m", f"Public counts up to {iso_day(day)}", environ=environ)
