"""What is asked of the tests: thresholds and memories, as docs/insight.md derives them and `make bench-insight` measures them."""

from telemetry_service.core.alerting.baseline import Memory, Prior
from telemetry_service.core.alerting.rise import Rules

FAILING = Rules(
    memory=Memory(half_life_days=180.0, most=1000.0),
    odds=(2.0, 4.0, 8.0, 32.0),
    deviations=0.8,
    margin=0.012,
    opens_at=10.0,
    worse_at=12.0,
    fixed_at=8.0,
)
STUCK = Rules(
    memory=Memory(half_life_days=90.0, most=1000.0),
    odds=(3.0, 8.0, 32.0),
    deviations=1.5,
    margin=0.02,
    opens_at=11.0,
    worse_at=1e9,  # there is no worse than stuck
    fixed_at=6.0,
)
# Of a type of script that has too few to tell.
FAILING_PRIOR, STUCK_PRIOR = Prior(2.0, 22.0), Prior(0.5, 20.0)
