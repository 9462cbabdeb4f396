"""The attacker: asks a running service everything that anyone may ask, and looks for a number that tells of fewer than k."""
