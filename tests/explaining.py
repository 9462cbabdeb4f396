"""One explainer for all tests of a process: its scrubber takes a second to build and is never changed."""

from telemetry_service.core.intake import Explainer
from telemetry_service.core.scrub import Scrubber

EXPLAIN = Explainer(Scrubber, 120)
