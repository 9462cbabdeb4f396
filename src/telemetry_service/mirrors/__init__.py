"""Copies of the installations in stores of other kinds."""
