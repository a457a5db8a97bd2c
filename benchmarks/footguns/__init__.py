"""What goes wrong in measuring interference, shown on real runs (docs/footguns.md)."""
