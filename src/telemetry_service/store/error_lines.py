"""Reading error lines over time, of all scripts together."""

from telemetry_service.core.counts import Dimension
from telemetry_service.store.cells import of

SEEN_MONTHS = 3  # lines seen within these are dated by the day, earlier ones by the month: days are many
FAILED_LINES = of(Dimension.ERROR, "failed")
