"""What takes long or needs real checkpoints: run with `python -m benchmarks.NAME`."""
