"""How well the privacy core works, in the figures of its goals. `python -m scripts.privacy --help`."""
