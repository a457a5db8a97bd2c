from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from interfere import InputError, RunError
from interfere.corpus import corpus_from_texts
from interfere.experiment import matched_models, plan_jobs, prepare_text, spec_from_json, spec_to_json, split_text
from interfere.experiment._plan import checkpoint_updates
from interfere.experiment._train import new_training
from tests.experiment.small import small_corpus, small_plan, small_settings


def test_every_mixture_is_compared_with_the_model_of_each_of_its_languages(tmp_path: Path) -> None:
    mixtures = ("pairs", "triples", "all", "half", "clone")
    _, _, jobs = small_plan(tmp_path, mixtures=mixtures)
    assert list(jobs) == [
        *("de", "en", "ru"),
        *("half.de", "half.en", "half.ru", "half.de+half", "half.en+half", "half.ru+half"),
        *("clone.de", "clone.en", "clone.ru", "clone.de+clone", "clone.en+clone", "clone.ru+clone"),
        *("de+en", "de+ru", "en+ru", "de+en+ru", "all"),
    ]
    names = {job.name: short for short, job in jobs.items()}
    found = [(m.language, names[m.mixture.name], names[m.mono.name]) for m in matched_models(list(jobs.values()))]
    assert ("de", "de+ru", "de") in found
    assert ("ru", "de+ru", "ru") in found
    assert ("en", "half.en+half", "half.en") in found
    assert ("en", "clone.en+clone", "clone.en") in found
    assert len(found) == 3 + 3 + 3 * 2 + 3 + 3


def test_sweeps_are_compared_within_a_setting(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("all",), widths=(8, 16), text=(0.5, 1.0), seeds=2)
    assert len(jobs) == 4 * 2 * 2 * 2
    for match in matched_models(list(jobs.values())):
        one, other = match.mixture, match.mono
        assert (one.width, one.text, one.seed) == (other.width, other.text, other.seed)
        (own,) = other.members
        assert own == next(member for member in one.members if member.name == match.language)


def test_matched_models_begin_with_the_same_weights(tmp_path: Path) -> None:
    _, _, jobs = small_plan(tmp_path, mixtures=("all", "clone"), seeds=2)

    def weights(name: str) -> dict[str, torch.Tensor]:
        return dict(new_training(jobs[name]).model.state_dict())

    for one, other in (("de", "all"), ("clone.de", "clone.de+clone")):
        a, b = weights(one), weights(other)
        assert all(torch.equal(a[name], b[name]) for name in a)
    other_seed = weights("de-w8-t1-s1")
    assert any(not torch.equal(tensor, other_seed[name]) for name, tensor in weights("de").items())


@pytest.mark.parametrize("architecture", ["decoder", "encoder"])
def test_a_clone_shares_no_id_and_doubles_the_table(tmp_path: Path, architecture: str) -> None:
    _, prepared, jobs = small_plan(tmp_path, mixtures=("mono", "clone"), architecture=architecture)
    own, clone = jobs["clone.de+clone"].members
    size = prepared.vocabulary
    assert (own.shift, clone.shift, clone.begin_id - own.begin_id) == (0, size, size)
    assert (own.tokens, own.start, own.stop, own.updates) == (clone.tokens, clone.start, clone.stop, clone.updates)
    assert own.type_id != clone.type_id
    rows = {name: new_training(jobs[name]).model.get_input_embeddings().weight.shape[0] for name in jobs}
    assert rows["de"] == size
    assert rows["clone.de"] == rows["clone.de+clone"] == 2 * size
    if architecture == "encoder":
        types = new_training(jobs["clone.de"]).model.bert.embeddings.token_type_embeddings.weight
        assert clone.type_id is not None
        assert clone.type_id < len(types) == 2 * prepared.tags


def test_halves_are_documents_apart_with_a_signal_each(tmp_path: Path) -> None:
    _, prepared, jobs = small_plan(tmp_path, mixtures=("half",), text=(0.5, 1.0))
    for text in ("0.5", "1"):
        job = next(job for job in jobs.values() if job.name == f"half.ru+half-w8-t{text}-s0")
        one, other = job.members
        assert one.start == 0
        assert one.stop == other.start
        assert (other.stop - other.start) / (one.stop - one.start) == pytest.approx(1, abs=0.2)
        assert other.stop == pytest.approx(float(text) * prepared.streams["ru"].tokens, rel=0.1)
        assert one.type_id != other.type_id
        ids = np.load(one.tokens)
        assert ids[one.start] == ids[other.start] == job.bos_id


def test_temperature_gives_languages_the_same_updates_in_every_mixture(tmp_path: Path) -> None:
    _, prepared, jobs = small_plan(tmp_path, temperature=2.0, updates=1000, mixtures=("pairs", "all", "clone"))
    sizes = {language: stream.bytes for language, stream in prepared.streams.items()}
    mean = sum(sizes.values()) / 3
    for job in jobs.values():
        for member in job.members:
            assert member.updates == round(1000 * (sizes[member.language] / mean) ** 0.5)
    assert jobs["de"].updates < jobs["ru"].updates == jobs["all"].updates
    alternating = plan_jobs(small_settings(joint=False, temperature=2.0, mixtures=("all",)), prepared, tmp_path)[-1]
    assert alternating.updates == sum(member.updates for member in alternating.members)


@pytest.mark.parametrize("changed", [{}, {"architecture": "encoder", "signal": "none"}, {"mixtures": ("clone",)}])
def test_a_spec_survives_json(tmp_path: Path, changed: dict[str, Any]) -> None:
    _, _, jobs = small_plan(tmp_path, **changed)
    for job in jobs.values():
        assert spec_from_json(json.loads(json.dumps(spec_to_json(job)))) == job


def test_pairs_of_languages_with_hyphens(tmp_path: Path) -> None:
    text = small_corpus(("de", "en")).documents
    corpus = corpus_from_texts({"pt-BR": list(text["de"]), "de": list(text["de"]), "all": list(text["en"])})
    _, _, jobs = small_plan(tmp_path, corpus, mixtures=("pairs",), pairs=("de-pt-BR", "pt-BR-all"))
    # A name that means something here, or that a file system may not take, is a number.
    assert list(jobs) == ["@0", "de", "@2", "@0+@2", "de+@2"]
    assert {job.members[0].language for job in jobs.values()} == {"all", "de", "pt-BR"}
    for wrong in ("de-xx", "de", "de-de", "pt-BR"):
        with pytest.raises(InputError, match=f"--pairs '{wrong}'"):
            small_plan(tmp_path, corpus, mixtures=("pairs",), pairs=(wrong,))


def test_kept_models_lie_at_growing_distances() -> None:
    assert checkpoint_updates(1, 3000) == (3000,)
    assert checkpoint_updates(4, 3000) == (90, 290, 932, 3000)
    assert checkpoint_updates(4, 2) == (1, 2)


def test_what_cannot_be_planned_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="device 'abacus'"):
        small_plan(tmp_path / "d", device="abacus")
    with pytest.raises(InputError, match="--widths 7: give multiples of 2"):
        small_plan(tmp_path / "a", widths=(7,))
    with pytest.raises(InputError, match="--mixtures triples: there are 2 languages"):
        small_plan(tmp_path / "b", small_corpus(("de", "en")), mixtures=("triples",))
    with pytest.raises(RunError, match=r"language 'de' has \d+ tokens of training text"):
        small_plan(tmp_path / "c", context=512, text=(0.01,))


def _config(folder: Path, **entries: Any) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(entries))
    return str(folder / "config.json")


LLAMA = {
    "model_type": "llama",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 24,
}


def test_a_config_file_of_another_architecture(tmp_path: Path) -> None:
    path = _config(tmp_path / "llama", **LLAMA)
    _, _, jobs = small_plan(tmp_path, preset=path, widths=(), signal="tag", mixtures=("mono",))
    job = jobs["de-w16-t1-s0"]
    assert type(new_training(job).model).__name__ == "LlamaForCausalLM"
    with pytest.raises(InputError, match="--signal embedding: a model of type 'llama'"):
        small_plan(tmp_path, preset=path, widths=())
    with pytest.raises(InputError, match="of type 'llama' is no encoder: it is a decoder"):
        small_plan(tmp_path, preset=path, widths=(), signal="tag", architecture="encoder")
    with pytest.raises(InputError, match="of type 'bart' is no encoder: it is neither"):
        small_plan(tmp_path, preset=_config(tmp_path / "bart", model_type="bart"), widths=(), architecture="encoder")
    with pytest.raises(InputError, match=r"is not the config\.json of a model"):
        small_plan(tmp_path, preset=_config(tmp_path / "no", size=3), widths=())
    with pytest.raises(InputError, match="cannot be read"):
        small_plan(tmp_path, preset=str(tmp_path / "none.json"), widths=())


def test_a_config_file_of_an_encoder_is_given_an_embedding_of_each_language(tmp_path: Path) -> None:
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24}
    path = _config(tmp_path / "roberta", model_type="roberta", max_position_embeddings=20, **sizes)
    _, prepared, jobs = small_plan(tmp_path, preset=path, widths=(), architecture="encoder")
    model = new_training(jobs["de-w16-t1-s0"]).model
    assert len(model.roberta.embeddings.token_type_embeddings.weight) == prepared.tags
    # RoBERTa counts positions from the padding token's id on.
    assert len(model.roberta.embeddings.position_embeddings.weight) > 16 + model.config.pad_token_id


def test_prepared_text_is_used_again_and_that_of_another_corpus_refused(tmp_path: Path) -> None:
    settings, prepared, _ = small_plan(tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.glob("tokens-*.npy")}
    assert len(written) == 3
    _, again, _ = small_plan(tmp_path)
    assert again == prepared
    assert {path: path.stat().st_mtime_ns for path in written} == written
    with pytest.raises(InputError, match="another text"):
        small_plan(tmp_path, small_corpus(documents=61))
    with pytest.raises(InputError, match="another tokenizer"):
        small_plan(tmp_path, tokenizer="bpe")
    split = split_text(small_corpus(), settings.held_out, settings.seed)
    assert prepare_text(split, settings, tmp_path) == prepared
