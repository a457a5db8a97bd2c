"""How much better or worse a multilingual model is than monolingual ones, language by language."""

from interfere.deltas._analyze import analyze_deltas
from interfere.deltas._models import Compared, Model, Monolingual, list_models, require_text
from interfere.deltas._record import source_numbers

__all__ = ["Compared", "Model", "Monolingual", "analyze_deltas", "list_models", "require_text", "source_numbers"]
