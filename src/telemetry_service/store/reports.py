"""Reports of one store: the counts that each needs, read and handed to `core.reports`.

Used alike by the JSON endpoints, the pages and the static site, so that one question has one answer.
"""

from collections.abc import Sequence
from itertools import islice

from telemetry_service.core.counts import DEFAULT_REPOSITORY, Dimension, Facet, Sources
from telemetry_service.core.fields import INSTALLATION_TYPES
from telemetry_service.core.identity import Identities
from telemetry_service.core.period import MAX_DAYS, Period, day_of, doubled, period
from telemetry_service.core.reports.dashboard import Dashboard, DashboardCounts, SlugCount, dashboard, repo_slugs
from telemetry_service.core.reports.errors import ErrorCounts, Errors, errors
from telemetry_service.core.reports.lines import slices
from telemetry_service.core.reports.part import PARTS, Part, part
from telemetry_service.core.reports.scripts import Script, Scripts, script, scripts
from telemetry_service.core.reports.view import ERRORS, View, is_installation
from telemetry_service.core.reports.weekly import Weekly, WeekRow
from telemetry_service.core.tally import ScriptTally, Tally
from telemetry_service.store.alert_words import ShownAlert, shown_alerts
from telemetry_service.store.cells import Only, of
from telemetry_service.store.error_lines import line_slices, lines_seen
from telemetry_service.store.reading import EXACT, PUBLIC, Reader
from telemetry_service.store.record_search import Wanted
from telemetry_service.store.records import Record, Records
from telemetry_service.store.rows import IDS_PER_MILLISECOND
from telemetry_service.store.weeks import weekly_report, weeks

RECENT = 10
PAST_ALERTS = 100


class Reports:
    """Reads reports; `now` is in microseconds since 1970 UTC, `step` the k of published counts."""

    def __init__(
        self, reader: Reader, sources: Sources, identities: Identities, *, step: int, stuck_hours: int, now: int
    ) -> None:
        self._reader = reader
        self._sources = sources
        self._step = step
        self._stuck_hours = stuck_hours
        self._now = now
        self.records = Records(reader, sources, identities)

    def dashboard(self, view: View) -> Dashboard:
        tables, reader = _tables(view), self._reader
        every = self._sources.of_repository("all")
        all_sources = reader.tallies(tables, (Facet.OUTCOME,), view.period, every, by_source=True)
        scripts_ = self._scripts(view)
        counts = DashboardCounts(
            outcome=[tally for tally in all_sources if tally.source in view.sources],
            both=self._both(view),
            system=reader.tallies(tables, (Facet.SYSTEM,), view.period, view.sources),
            failure=reader.tallies(tables, (Facet.FAILURE,), view.period, view.sources),
            scripts=scripts_,
            script_failures=self._script_failures(view, scripts_, of(Dimension.ERROR, "failed")),
            all_sources=all_sources,
            all_time=reader.tallies(tables, (Facet.OUTCOME,), Period(None, day_of(self._now)), view.sources),
            daily=reader.daily(tables, view.period, view.sources, INSTALLATION_TYPES),
            running=reader.gauge("running"),
            recent=self._recent(view),
        )
        return dashboard(view, counts, self._step)

    def errors(self, view: View) -> Errors:
        tables, reader = _tables(view), self._reader
        scripts_ = self._scripts(view)
        counts = ErrorCounts(
            outcome=reader.tallies(tables, (Facet.OUTCOME,), view.period, view.sources),
            both=self._both(view),
            system=reader.tallies(tables, (Facet.SYSTEM,), view.period, view.sources),
            failure=reader.tallies(tables, (Facet.FAILURE,), view.period, view.sources),
            scripts=scripts_,
            script_failures=self._script_failures(view, scripts_),
            daily=reader.daily(tables, view.period, view.sources, INSTALLATION_TYPES),
            seen=lines_seen(reader, tables, view.sources, view.period.last),
            slices=line_slices(reader, tables, slices(view.period), view.sources),
            stuck=self._stuck() if view.exact else reader.gauge("stuck"),
            recent=self._recent(view, status="failed"),
        )
        return errors(view, counts, self._step)

    def sum_up_a_year(self) -> None:
        """Have the sums of a year's months kept, for which the first overview and errors page would wait."""
        sources = self._sources.of_repository(DEFAULT_REPOSITORY)
        for exact in (False, True):
            view = View(period=period(MAX_DAYS, day_of(self._now)), sources=sources, exact=exact)
            self.dashboard(view)
            self.errors(view)

    def scripts(self, view: View) -> Scripts:
        tallies = self._scripts(view)
        names = {str(tally.value) for tally in tallies if tally.dimension == Dimension.SCRIPT}
        first_days = self._reader.first_days(_tables(view), sorted(names))
        longer = doubled(view.period)
        both = None if longer is None else self._reader.script_totals(_tables(view), longer, view.sources)
        return scripts(view, tallies, both, first_days, self._recent(view), self._step)

    def script(self, view: View, app: str) -> Script | None:
        """One script; None when there is none of this name, or nothing of it that may be shown."""
        reader, tables = self._reader, _tables(view)
        counted = [type_ for type_ in reader.types_of(app) if self._ever_counted(view, f"{app} {type_}")]
        types = [type_ for type_ in counted if type_ in INSTALLATION_TYPES] or counted
        if not types:
            return None
        names = [f"{app} {type_}" for type_ in types]
        facets = (Facet.OUTCOME, Facet.SYSTEM, Facet.FAILURE)
        tallies = [tally for name in names for tally in reader.tallies(tables, facets, view.period, view.sources, name)]
        daily = [
            tally
            for type_, name in zip(types, names, strict=True)
            for tally in reader.daily(tables, view.period, view.sources, (type_,), name)
        ]
        both = [tally for name in names for tally in self._both(view, name)]
        return script(view, app, types, tallies, both, daily, self._step)

    def part(self, view: View, by: str, value: str) -> Part | None:
        """One value of `PARTS` looked into; None when nothing of it was ever counted, or nothing that may be shown."""
        facet, dimension = PARTS[by]
        reader, tables = self._reader, _tables(view)
        only = reader.only_value(dimension, value)
        everything = Period(None, view.period.last)
        if only is None or not reader.tallies(tables, (facet,), everything, view.sources, only=only):
            return None
        longer = doubled(view.period)
        installed = [name for name in reader.scripts() if is_installation(name.rpartition(" ")[2])]
        return part(
            view,
            by,
            value,
            current=reader.tallies(tables, (facet,), view.period, view.sources, only=only),
            both=[] if longer is None else reader.tallies(tables, (facet,), longer, view.sources, only=only),
            scripts=reader.script_tallies(tables, facet, view.period, view.sources, installed, only),
            daily=reader.daily_of(tables, facet, view.period, view.sources, dimension, value),
            step=self._step,
        )

    def weekly(self, view: View) -> Weekly | None:
        """The report of the week that is the view's period; None where there is none."""
        return weekly_report(self._reader, view, today=day_of(self._now), step=self._step)

    def weeks(self, view: View) -> list[WeekRow]:
        """The weeks of which there is a report on the view's sources, whatever its period; the newest first."""
        return weeks(self._reader, view, today=day_of(self._now))

    def alerts(self, view: View, app: str = "") -> list[ShownAlert]:
        """Alerts as pages show them: those that are open, and `PAST_ALERTS` that are closed; of one app if asked."""
        return list(shown_alerts(self._reader, view, today=day_of(self._now), past=PAST_ALERTS, app=app))

    def open_alerts(self, view: View, most: int) -> list[ShownAlert]:
        """Alerts that are open now, the newest first; at most so many."""
        return list(islice(shown_alerts(self._reader, view, today=day_of(self._now), past=0), most))

    def repo_slugs(self, view: View) -> list[SlugCount]:
        return repo_slugs(self._reader.tallies(_tables(view), (Facet.OUTCOME,), view.period, view.sources, by_source=True))

    def _scripts(self, view: View) -> list[Tally]:
        return self._reader.tallies(_tables(view), (Facet.SCRIPTS,), view.period, view.sources)

    def _script_failures(self, view: View, scripts_: Sequence[Tally], only: Only | None = None) -> list[ScriptTally]:
        failing = {str(tally.value) for tally in scripts_ if tally.dimension == Dimension.SCRIPT and tally.status in ERRORS}
        names = sorted(name for name in failing if name.rpartition(" ")[2] in INSTALLATION_TYPES)
        return self._reader.script_tallies(_tables(view), Facet.FAILURE, view.period, view.sources, names, only)

    def _both(self, view: View, script_: str = "") -> list[Tally]:
        """The outcome of the period and as many days before it; nothing for all time."""
        longer = doubled(view.period)
        return [] if longer is None else self._reader.tallies(_tables(view), (Facet.OUTCOME,), longer, view.sources, script_)

    def _ever_counted(self, view: View, name: str) -> bool:
        everything = Period(None, view.period.last)
        return bool(self._reader.tallies(_tables(view), (Facet.OUTCOME,), everything, view.sources, name))

    def _recent(self, view: View, status: str | None = None) -> list[Record]:
        if not view.exact:
            return []
        return self.records.first(Wanted(period=view.period, sources=view.sources, status=status), RECENT)

    def _stuck(self) -> int:
        oldest_ms = self._now // 1000 - self._stuck_hours * 3_600_000
        return self.records.stuck(oldest_ms * IDS_PER_MILLISECOND)


def _tables(view: View) -> str:
    return EXACT if view.exact else PUBLIC
