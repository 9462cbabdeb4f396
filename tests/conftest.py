"""Settings of every test run."""

from hypothesis import HealthCheck, settings

# A machine under load is slow, not wrong: no test is about time.
settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("project")
