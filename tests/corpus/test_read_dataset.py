"""Hugging Face datasets, by way of a stand-in for the package, which is not needed for the tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from interfere.corpus import read_corpus
from interfere.errors import InputError


class Table:
    """As much of a dataset's table as is read."""

    def __init__(self, rows: list[dict[str, Any]], names: list[str] | None = None) -> None:
        self.rows = rows
        self.column_names = list(rows[0]) if rows else ["text", "language"]
        # A column of class labels knows the names of its numbers.
        label = SimpleNamespace(int2str=names.__getitem__) if names else SimpleNamespace()
        self.features = {name: label if name == "language" else SimpleNamespace() for name in self.column_names}

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)


def rows(*texts: str, **more: Any) -> list[dict[str, Any]]:
    return [{"text": text, **more} for text in texts]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Name, or name and configuration, or path → what loading gives."""
    stored: dict[str, Any] = {}

    def load_dataset(name: str, configuration: str | None = None) -> Any:
        return stored[f"{name}:{configuration}" if configuration else name]

    module = ModuleType("datasets")
    module.load_dataset = load_dataset  # type: ignore[attr-defined]
    module.load_from_disk = stored.__getitem__  # type: ignore[attr-defined]
    module.get_dataset_config_names = (  # type: ignore[attr-defined]
        lambda name: [key.split(":")[1] for key in stored if key.startswith(f"{name}:")] or ["default"]
    )
    monkeypatch.setitem(sys.modules, "datasets", module)
    return stored


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r'pip install "interfere-nlp\[hub\]"'):
        read_corpus("hf:some/dataset")


def test_a_column_names_the_language(hub: dict[str, Any]) -> None:
    table = Table(
        [*rows("eins", language=1, id=1, source=None), *rows("one", " ", "one", language=0, id=2, source="s")],
        ["en", "de"],
    )
    hub["d"] = {"train": table, "test": Table(rows("x", language=0), ["en", "de"])}
    corpus = read_corpus("hf:d")
    assert corpus.languages == ("de", "en")
    assert [(document.line, document.id) for document in corpus.documents["de"]] == [(1, "1")]
    assert corpus.skipped["en"] == {"blank": 1, "repeats an earlier document": 1}
    assert corpus.lines == {}
    assert read_corpus("hf:d", ["en"]).languages == ("en",)
    with pytest.raises(InputError, match="hf:d has no language 'fr'; it has de, en"):
        read_corpus("hf:d", ["fr"])


def test_splits_or_configurations_are_languages(hub: dict[str, Any]) -> None:
    hub["splits"] = {"de": Table(rows("eins", "zwei")), "en": Table(rows("one", "two"))}
    hub["configurations:de"] = {"train": Table(rows("eins", "zwei")), "test": Table(rows("x"))}
    hub["configurations:en"] = {"test": Table(rows("one", "two"))}
    by_split, by_configuration = read_corpus("hf:splits"), read_corpus("hf:configurations")
    assert by_split.documents == by_configuration.documents
    assert by_split.lines == {"de": 2, "en": 2}
    hub["configurations:fr"] = {"a": Table(rows("x")), "b": Table(rows("x"))}
    assert read_corpus("hf:configurations", ["de"]).languages == ("de",)
    with pytest.raises(InputError, match="has the splits a, b; only one of them"):
        read_corpus("hf:configurations")


def test_a_named_configuration(hub: dict[str, Any]) -> None:
    hub["d:one"] = {"train": Table(rows("eins", language="de"))}
    hub["d:two"] = {"train": Table(rows("zwei", language="de"))}
    assert read_corpus("hf:d:two").documents["de"][0].text == "zwei"


def test_a_dataset_on_disk(hub: dict[str, Any], tmp_path: Path) -> None:
    hub[str(tmp_path)] = Table(rows("eins", lang="de"))
    assert read_corpus(f"hf:{tmp_path}").languages == ("de",)
    (tmp_path / "state.json").write_text("{}")
    assert read_corpus(tmp_path).languages == ("de",)
    with pytest.raises(InputError, match="There is no directory"):
        read_corpus(f"hf:{tmp_path / 'gone'}")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (Table(rows("a")), "no column that names the language.*it has text"),
        (Table([{"body": "a", "language": "de"}]), "no column 'text'; it has body, language"),
        (Table([{"text": None, "language": "de"}]), r"row 1 \(language 'de'\): the column 'text' holds no string"),
        (Table(rows("a", language=None)), "row 1: the column 'language' is empty"),
        (Table(rows("a", language="../x")), "cannot be the name of a language"),
        (Table([]), "has no rows"),
    ],
)
def test_datasets_that_are_laid_out_otherwise(hub: dict[str, Any], table: Table, reason: str) -> None:
    hub["d"] = {"train": table}
    with pytest.raises(InputError, match=reason):
        read_corpus("hf:d")


def test_a_dataset_that_does_not_load(hub: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="hf:gone does not load"):
        read_corpus("hf:gone")
