"""Fine-tuning on labelled tasks, within a language and across languages."""
