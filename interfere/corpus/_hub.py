"""Reading a Hugging Face dataset, from the hub or from disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from interfere.corpus._collect import Collector
from interfere.corpus._names import check_language_name, chosen_languages, listed
from interfere.corpus._rows import LANGUAGE_KEYS
from interfere.corpus._types import Corpus
from interfere.errors import InputError

_USUAL_SPLITS = frozenset({"train", "validation", "valid", "dev", "test"})
_MISSING = 'Datasets need another package: pip install "interfere-nlp[hub]".'


def is_saved_dataset(directory: Path) -> bool:
    """Whether a directory is one that `datasets` wrote with ``save_to_disk``."""
    return (directory / "dataset_dict.json").is_file() or (directory / "state.json").is_file()


def read_dataset(name: str, languages: Sequence[str] | None) -> Corpus:
    """Read a dataset with a column ``text``, and optionally ``id`` and ``source``.

    Where a language is found, in this order:

    1. a column ``language`` (or ``lang``) names it, row by row; of several splits, ``train`` is read;
    2. else each split is a language, if the splits are not the usual train, validation and test;
    3. else, if the hub has the dataset in several configurations and none was named, each is a language (``train``, or
       its only split, is read).

    Args:
        name: ``NAME`` or ``NAME:CONFIG`` on the hub, or the path of a dataset saved on disk.
        languages: which languages to read; None for all.

    Raises:
        InputError: the package `datasets` is missing, the dataset does not load, or it is not laid out as above.
    """
    datasets = _import_datasets()
    label = f"hf:{name}"
    if Path(name).is_dir():
        tables = _load(datasets.load_from_disk, name, label=label)
    elif Path(name).is_absolute() or name.startswith("."):
        raise InputError(f"There is no directory {name} with a saved dataset.")
    else:
        repository, _, configuration = name.partition(":")
        configurations = [configuration]
        if not configuration:
            configurations = list(_load(datasets.get_dataset_config_names, repository, label=label))
        if len(configurations) > 1:
            return _from_configurations(datasets, repository, configurations, languages, label)
        tables = _load(datasets.load_dataset, repository, *filter(None, [configuration]), label=label)
    splits = dict(tables) if isinstance(tables, Mapping) else {"train": tables}
    if any(_language_column(table) for table in splits.values()):
        return _from_column(_one_split(splits, label), languages, label)
    if not set(splits) - _USUAL_SPLITS:
        columns = listed(next(iter(splits.values())).column_names)
        raise InputError(f"{label} has no column that names the language ('language' or 'lang'); it has {columns}.")
    return _from_tables(splits, chosen_languages(splits, languages, label), label)


def _import_datasets() -> ModuleType:
    try:
        import datasets
    except ImportError as error:
        raise InputError(_MISSING) from error
    module: ModuleType = datasets
    return module


def _load(function: Any, *arguments: str, label: str) -> Any:
    """Call a loader, whose many kinds of failure all mean that the dataset named on the command line is not there."""
    try:
        return function(*arguments)
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{label} does not load: {reason}") from error


def _from_configurations(
    datasets: ModuleType, repository: str, names: Sequence[str], languages: Sequence[str] | None, label: str
) -> Corpus:
    """Each configuration is a language."""
    chosen = chosen_languages(names, languages, label)
    tables = {}
    for name in chosen:
        loaded = _load(datasets.load_dataset, repository, name, label=f"{label}:{name}")
        splits = dict(loaded) if isinstance(loaded, Mapping) else {"train": loaded}
        tables[name] = _one_split(splits, f"{label}:{name}")
    return _from_tables(tables, chosen, label)


def _from_tables(tables: Mapping[str, Any], languages: Sequence[str], label: str) -> Corpus:
    """Each table is a language, and rows of equal number are aligned as lines of files are."""
    collectors, lines = [], {}
    for language in languages:
        check_language_name(language, label)
        collector = Collector(language, label, "row")
        _check_columns(tables[language], label)
        for number, row in enumerate(tables[language], start=1):
            _add(collector, row, number)
        lines[language] = len(tables[language])
        collectors.append(collector)
    return _corpus(collectors, lines)


def _from_column(table: Any, languages: Sequence[str] | None, label: str) -> Corpus:
    """Rows of all languages in one table: nothing says that the n-th rows of two languages belong together."""
    column = _language_column(table)
    if column is None:
        raise InputError(f"{label} has no column 'language' in the split that is read.")
    _check_columns(table, label)
    # A column of class labels holds numbers; its feature knows the names.
    to_name = getattr(table.features[column], "int2str", str)
    collectors: dict[str, Collector] = {}
    wanted = None if languages is None else set(chosen_languages(languages, languages, label))
    present: set[str] = set()
    for number, row in enumerate(table, start=1):
        if row[column] is None:
            raise InputError(f"{label}, row {number:,}: the column {column!r} is empty.")
        language = to_name(row[column])
        present.add(language)
        if wanted is None or language in wanted:
            if language not in collectors:
                check_language_name(language, f"{label}, row {number:,}")
                collectors[language] = Collector(language, label, "row")
            _add(collectors[language], row, number)
    names = chosen_languages(present, languages, label)
    if not names:
        raise InputError(f"{label} has no rows.")
    return _corpus([collectors[name] for name in names], {})


def _corpus(collectors: Iterable[Collector], lines: Mapping[str, int]) -> Corpus:
    listing = list(collectors)
    return Corpus(
        documents={each.language: each.finish() for each in listing},
        skipped={each.language: dict(each.skipped) for each in listing},
        origin={each.language: each.origin for each in listing},
        lines=lines,
    )


def _add(collector: Collector, row: Mapping[str, Any], number: int) -> None:
    """Take one row; ids and sources may be numbers, as they often are in datasets."""
    id_, source = (None if row.get(key) is None else str(row[key]) for key in ("id", "source"))
    if not isinstance(row["text"], str):
        kind = type(row["text"]).__name__
        raise InputError(f"{collector.place(number)}: the column 'text' holds no string but {kind}.")
    collector.add(row["text"], number, id_, source)


def _language_column(table: Any) -> str | None:
    return next((name for name in LANGUAGE_KEYS if name in table.column_names), None)


def _check_columns(table: Any, label: str) -> None:
    if "text" not in table.column_names:
        raise InputError(f"{label} has no column 'text'; it has {listed(table.column_names)}.")


def _one_split(splits: Mapping[str, Any], label: str) -> Any:
    """The split that is read where splits are not languages."""
    if "train" in splits:
        return splits["train"]
    if len(splits) == 1:
        return next(iter(splits.values()))
    raise InputError(f"{label} has the splits {listed(splits)}; only one of them, or one named train, can be read.")
