"""Remove what could identify a person, a machine or a network from a text, and keep what explains a failure.

`Scrubber.scrub` removes by rules, `Scrubber.gate` masks what is no public vocabulary, `cut` shortens. The three are applied in
this order, so a cut never leaves half a secret. All are pure and idempotent.
"""

from __future__ import annotations

from telemetry_service.core.scrub.scrubber import Scrubbed, Scrubber, cut

__all__ = ["Scrubbed", "Scrubber", "cut"]
