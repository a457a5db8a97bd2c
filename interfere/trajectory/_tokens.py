"""Whether two checkpoints cut text into the same tokens."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

from interfere.corpus import Corpus

_DOCUMENTS = 20
"""Documents of a language that are encoded to compare tokenizers, beside their vocabularies."""


def tokenizer_fingerprint(tokenizer: Any, corpus: Corpus) -> str:
    """A digest of a tokenizer's vocabulary and of how it encodes the first documents of each language."""
    encoded = {
        language: [tokenizer(document.text)["input_ids"] for document in documents[:_DOCUMENTS]]
        for language, documents in corpus.documents.items()
    }
    seen = {"vocabulary": sorted(tokenizer.get_vocab().items()), "encoded": encoded}
    return sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()
