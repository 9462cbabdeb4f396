"""`GET /metrics` in Prometheus' text format.

Without a token every number that counts reports or installations is a multiple of k, like all that is public.
"""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from telemetry_service.core.audit import Audit, Verdict
from telemetry_service.core.counts import Facet
from telemetry_service.core.period import Period, day_of
from telemetry_service.core.publishing import coarse
from telemetry_service.core.reports.dashboard import installations
from telemetry_service.core.reports.rates import rate
from telemetry_service.core.tally import Statuses
from telemetry_service.store.audits import last_audit
from telemetry_service.store.changes import Standing, standing
from telemetry_service.store.outbox import Channel
from telemetry_service.store.outbox import standing as standing_channels
from telemetry_service.store.publication import last_success
from telemetry_service.store.reading import EXACT, PUBLIC, Reader
from telemetry_service.web.parts import Parts


class Metrics:
    """The endpoint."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._sources = parts.sources.of_repository("all")

    async def metrics(self, request: Request) -> Response:
        exact = request.state.exact
        today = day_of(self._parts.now())

        def read(reader: Reader) -> tuple[Statuses, int, int | None]:
            tables = EXACT if exact else PUBLIC
            tallies = reader.tallies(tables, (Facet.OUTCOME,), Period(today, today), self._sources)
            published_at = last_success(self._parts.settings.data_dir)
            return installations(tallies), reader.gauge("running"), published_at

        statuses, running, published_at = await self._parts.readers.run(read)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Snapshot(self._families(statuses, statuses.running if exact else running, exact)))
        if self._parts.settings.pocketbase_url:
            mirror = await self._parts.readers.run(lambda reader: standing(reader.connection))
            registry.register(_Snapshot(self._mirror(mirror, 1 if exact else self._parts.settings.publish_min_count)))
        channels = await self._parts.readers.run(lambda reader: standing_channels(reader.connection))
        registry.register(_Snapshot(self._channels(channels)))
        audit = await self._parts.readers.run(lambda reader: last_audit(reader.connection))
        if audit is not None:
            registry.register(_Snapshot(_audit(audit)))
        if published_at is not None:
            registry.register(_Snapshot([_published(published_at)]))
        if exact:
            ProcessCollector(registry=registry)
        headers_out = {"cache-control": "no-store", "vary": "authorization, cookie"}
        return Response(generate_latest(registry), headers=headers_out, media_type=CONTENT_TYPE_LATEST)

    def _families(self, today: Statuses, running: int, exact: bool) -> Iterator[Metric]:
        step = 1 if exact else self._parts.settings.publish_min_count
        for name, n, text in (
            ("installs", today.total, "Installations that began today (UTC)."),
            ("success", today.success, "Installations of today that succeeded."),
            ("failed", today.failed, "Installations of today that failed."),
            ("aborted", today.aborted, "Installations of today that the user aborted."),
        ):
            yield GaugeMetricFamily(f"telemetry_{name}_total", text, value=n)
        yield GaugeMetricFamily("telemetry_installs_pending", "Installations under way.", value=running)
        success = rate(today.success, today.finished, exact=exact).percent
        if success is not None:
            yield GaugeMetricFamily("telemetry_success_rate", "Success rate of today, in percent.", value=success)
        yield from self._process(step)

    def _process(self, step: int) -> Iterator[Metric]:
        counters = self._parts.ingest.counters
        group = self._parts.group
        yield CounterMetricFamily(
            "telemetry_events_accepted", "Events answered 202 by this process.", value=coarse(counters.accepted, step)
        )
        refused = CounterMetricFamily("telemetry_events_refused", "Events refused, by HTTP status.", labels=["status"])
        for status, n in sorted(counters.refused.items()):
            refused.add_metric([status], coarse(n, step))
        yield refused
        dropped = CounterMetricFamily("telemetry_fields_dropped", "Values dropped, by field.", labels=["field"])
        for field, n in sorted(counters.dropped.items()):
            dropped.add_metric([field], coarse(n, step))
        yield dropped
        backlog = max(0, group.last_seq - group.folded_through)
        yield GaugeMetricFamily("telemetry_inbox_events", "Events stored and not folded yet.", value=coarse(backlog, step))
        yield GaugeMetricFamily("telemetry_worker_up", "Whether the background process runs.", self._parts.worker.running)
        yield CounterMetricFamily(
            "telemetry_worker_restarts", "Restarts of the background process.", value=self._parts.worker.restarts
        )

    def _channels(self, channels: list[Channel]) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("telemetry_channel_waiting", "Messages that a channel has not taken yet.", labels=["channel"])
        working = GaugeMetricFamily("telemetry_channel_working", "Whether a channel took the last message.", labels=["channel"])
        last = GaugeMetricFamily(
            "telemetry_channel_last_success_timestamp_seconds", "When a channel last took a message.", labels=["channel"]
        )
        for one in channels:
            waiting.add_metric([one.channel], one.waiting)
            working.add_metric([one.channel], one.problem is None)
            last.add_metric([one.channel], (one.last_success_at or 0) / 1_000_000)
        yield from (waiting, working, last)

    def _mirror(self, mirror: Standing, step: int) -> Iterator[Metric]:
        now_seconds = self._parts.now() // 1_000_000
        oldest = 0 if mirror.oldest_at is None else max(0, now_seconds - mirror.oldest_at)
        for name, value, text in (
            ("working", mirror.problem is None, "Whether the mirror works."),
            ("waiting", coarse(mirror.waiting, step), "Changed installations that the mirror has not got yet."),
            ("oldest_seconds", oldest, "How long the oldest of them has waited."),
            ("set_aside", coarse(mirror.set_aside, step), "Installations that the mirror refuses for good."),
            ("last_success_timestamp_seconds", mirror.last_success_at or 0, "When the mirror last worked."),
        ):
            yield GaugeMetricFamily(f"telemetry_mirror_{name}", text, value=value)
        for name, value, text in (
            ("written", mirror.written, "Records written to the mirror."),
            ("deleted", mirror.deleted, "Records deleted from the mirror."),
        ):
            yield CounterMetricFamily(f"telemetry_mirror_{name}", text, value=coarse(value, step))


def _audit(audit: Audit) -> Iterator[Metric]:
    claims = GaugeMetricFamily(
        "telemetry_audit_claims", "Claims of the record in the last audit, by verdict.", labels=["verdict"]
    )
    for verdict in Verdict:
        claims.add_metric([verdict.name.lower()], audit.count(verdict))
    yield claims
    text = "When the record was last audited, in seconds since 1970 UTC."
    yield GaugeMetricFamily("telemetry_audit_last_run_timestamp_seconds", text, value=audit.ended_at / 1_000_000)


def _published(at: int) -> Metric:
    return GaugeMetricFamily(
        "telemetry_publish_last_success_timestamp_seconds",
        "When the public site was last brought to its branch, in seconds since 1970 UTC.",
        value=at / 1_000_000,
    )


class _Snapshot(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


__all__ = ["Metrics"]
