"""Matched monolingual, bilingual and multilingual models, trained and compared."""
