"""How what the package bundles was made, and how it is checked: the corpus in ten languages and the small masked LM."""
