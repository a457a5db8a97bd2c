"""Training a head that a checkpoint lacks, with the rest of it as it is."""

from interfere.head._given import give_head, head_warnings
from interfere.head._text import held_out
from interfere.head._train import TrainedHead, train_head

__all__ = ["TrainedHead", "give_head", "head_warnings", "held_out", "train_head"]
