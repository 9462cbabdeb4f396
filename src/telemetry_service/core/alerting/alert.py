"""An alert and its evidence: what is known of a script that changed."""

from enum import StrEnum

import msgspec

from telemetry_service.core.reports.rates import Rate, rate
from telemetry_service.core.reports.view import split_script


class Kind(StrEnum):
    """What an alert says. A script that is fixed has no kind of its own: its alerts close, with a `Recovery`."""

    BROKE = "broke"  # more of the finished installations fail than did before
    WORSE = "worse"  # it broke before, is not fixed, and clearly more fail than since then
    NEW_ERROR = "new_error"  # a cause of failure never seen before in the script, and more than once in a while
    SILENT = "silent"  # no installations, although they were to be expected
    STUCK = "stuck"  # more of the installations that began never tell how they ended


class Share(msgspec.Struct, frozen=True):
    """A number out of another: failed of finished ones (success or failed), and with `stuck` unknown of ended ones."""

    part: int
    whole: int

    @property
    def rate(self) -> Rate:
        """The share in percent, with its 95 % interval."""
        return rate(self.part, self.whole, exact=True)

    @property
    def in_whole_percent(self) -> Rate:
        """The same in whole percent."""
        return rate(self.part, self.whole, exact=True, digits=0)


class Since(msgspec.Struct, frozen=True):
    """The most likely instant of a change, and the interval that holds it with 95 %; microseconds since 1970 UTC."""

    at: int
    earliest: int
    latest: int


class Version(msgspec.Struct, frozen=True):
    """A version that a change is limited to: `dimension` is `os` or `pve`, `name` such as `debian 13` or `9.0`.

    A name that ends before its last number stands for all versions that begin so.
    """

    dimension: str
    name: str
    inside: Share
    outside: Share


class Cause(msgspec.Struct, frozen=True):
    """A cause of failure, as 16 hexadecimal digits: how many failed of it since the change, and in the time before.

    Its line is not kept here, since it may have to be erased: `store.alerts.lines` finds what may be told of it.
    """

    cause: str
    after: Share
    before: Share


class Recovery(msgspec.Struct, frozen=True):
    """Why an alert closed: since when the script is as before, and its share from then on."""

    since: Since
    share: Share


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one script in one source. `number` is 0 before it is stored; instants are microseconds since 1970 UTC.

    `cause` is what a `new_error` is about. `before` and `after` are the shares on both sides of `since`; of a silent script
    `expected` is how many installations there should have been since then. `limited_to` is empty where no version stands out.
    """

    number: int = 0
    kind: Kind
    script: str
    source: str
    cause: str | None = None
    opened_at: int
    closed_at: int | None = None
    since: Since
    before: Share
    after: Share
    expected: float | None = None
    limited_to: tuple[Version, ...] = ()
    causes: tuple[Cause, ...] = ()
    recovery: Recovery | None = None

    @property
    def app(self) -> str:
        return split_script(self.script)[0]

    @property
    def type(self) -> str:
        return split_script(self.script)[1]

    @property
    def path(self) -> str:
        """The page of the script, relative to where the service is reached."""
        return f"scripts/{self.app}"

    @property
    def key(self) -> tuple[str, str, str, str | None]:
        """What can be open once at a time."""
        return self.kind, self.script, self.source, self.cause
