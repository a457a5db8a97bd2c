"""How much better or worse a multilingual model is than a monolingual one, language by language."""
