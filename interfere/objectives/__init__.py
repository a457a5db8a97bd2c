"""The losses whose gradients are measured."""
