"""A sweep over the text architectures of transformers: what interfere measures against plain autograd."""
