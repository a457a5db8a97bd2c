"""Matched monolingual, bilingual and multilingual models, trained and compared."""

from interfere.experiment._analyze import run_experiment
from interfere.experiment._jobs import process_pool, run_jobs
from interfere.experiment._language_objective import (
    LanguageObjective,
    language_objective,
    signals_of,
)
from interfere.experiment._measure import Measures, MeasureSpec, measure_model, read_measures, write_documents
from interfere.experiment._plan import Match, matched_models, plan_jobs, updates_per_language
from interfere.experiment._prepare import Prepared, Stream, prepare_text
from interfere.experiment._run_job import is_finished, model_folders, run_job
from interfere.experiment._spec import JobSpec, Member, spec_from_json, spec_to_json
from interfere.experiment._text import Split, split_text
from interfere.experiment._tokenizer import make_tokenizer

__all__ = [
    "JobSpec",
    "LanguageObjective",
    "Match",
    "MeasureSpec",
    "Measures",
    "Member",
    "Prepared",
    "Split",
    "Stream",
    "is_finished",
    "language_objective",
    "make_tokenizer",
    "matched_models",
    "measure_model",
    "model_folders",
    "plan_jobs",
    "prepare_text",
    "process_pool",
    "read_measures",
    "run_experiment",
    "run_job",
    "run_jobs",
    "signals_of",
    "spec_from_json",
    "spec_to_json",
    "split_text",
    "updates_per_language",
    "write_documents",
]
