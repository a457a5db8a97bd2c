"""Experiments whose reports are in the docs, and the checks of what they rest on."""
