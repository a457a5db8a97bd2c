"""Heads and neurons that are known to serve one language, and how well importance finds them."""
