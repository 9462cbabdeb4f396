"""Does the watch say which script broke, soon, and nothing else? A simulation of years of 450 scripts; see docs/insight.md."""
