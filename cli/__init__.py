"""The command line of interfere: one module a command, each of which parses, calls one function and prints."""

from ._app import app, main

__all__ = ["app", "main"]
