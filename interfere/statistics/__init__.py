"""From Gram matrices to tables; NumPy and SciPy only."""
