"""Time and memory of `interfere gradients` beside the loops that it replaces."""
