"""Ways in which the service speaks to people. What a channel needs to know is secret; its name is not."""
