"""Change detection: which script broke, since when, on what, and why."""
