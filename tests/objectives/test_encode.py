"""From text to examples: what is masked, corrupted, cut, and refused."""

from __future__ import annotations

import time

import pytest
import torch

from interfere.checkpoint import checkpoint_from_model
from interfere.corpus import Document
from interfere.errors import InputError, RunError
from interfere.objectives import IGNORE, LossSums, collate, make_objective
from tests.objectives.reference import documents, tiny_checkpoint, together
from tests.tiny import TEXTS, tiny_model, tiny_tokenizer

LONG = Document(" ".join(text for texts in TEXTS.values() for text in texts), 1)


def _masked(example) -> set[int]:
    return {position for position, label in enumerate(example.labels) if label != IGNORE}


# Masked LM


@pytest.mark.parametrize("kind", ["bert", "xlm-r"])
def test_the_masks_of_several_passes_are_disjoint_and_of_the_rate(kind):
    checkpoint = tiny_checkpoint(kind)
    objective = make_objective("auto", checkpoint, mask_passes=6)
    for document in documents():
        examples = objective.encode(document, "xx")
        ids = checkpoint.tokenizer(document.text)["input_ids"]
        maskable = [position for position, token in enumerate(ids) if token not in checkpoint.tokenizer.all_special_ids]
        sets = [_masked(example) for example in examples]
        assert sum(len(each) for each in sets) == len(set().union(*sets))
        assert set().union(*sets) <= set(maskable)
        for example, masked in zip(examples, sets, strict=True):
            assert len(masked) == example.predictions
            assert example.covered_bytes == len(document.text.encode())
            for position, token in enumerate(ids):
                chosen = position in masked
                assert example.input_ids[position] == (checkpoint.tokenizer.mask_token_id if chosen else token)
                assert example.labels[position] == (token if chosen else IGNORE)
        size = max(1, round(0.15 * len(maskable)))
        assert [len(each) for each in sets[:-1]] == [size] * (len(sets) - 1)
        assert len(sets) == min(6, -(-len(maskable) // size))


def test_masks_follow_from_the_text_and_the_seed_alone():
    checkpoint = tiny_checkpoint("bert")

    def masks(seed: int, language: str, line: int, **more):
        objective = make_objective("auto", checkpoint, seed=seed, mask_passes=2)
        text = documents()[0].text
        return [_masked(example) for example in objective.encode(Document(text, line, **more), language)]

    assert masks(0, "de", 1) == masks(0, "en", 7, id="x", source="y")
    assert masks(0, "de", 1) != masks(1, "de", 1)
    # More passes add masks and change none.
    one = make_objective("auto", checkpoint, seed=0).encode(documents()[0], "de")
    assert [_masked(one[0])] == masks(0, "de", 1)[:1]


def test_a_text_of_special_tokens_gives_no_example():
    checkpoint = tiny_checkpoint("bert")
    objective = make_objective("auto", checkpoint)
    assert objective.encode(Document("[SEP] [MASK]".replace(" ", ""), 1), "xx") == []


def test_every_token_is_masked_about_equally_often():
    checkpoint = tiny_checkpoint("bert")
    document = Document("xqzjvkwy" * 3, 1)
    length = len(checkpoint.tokenizer(document.text)["input_ids"]) - 2
    counts = torch.zeros(length)
    for seed in range(600):
        for position in _masked(make_objective("auto", checkpoint, seed=seed).encode(document, "xx")[0]):
            counts[position - 1] += 1
    expected = 600 * round(0.15 * length) / length
    # Six standard deviations of a binomial count.
    assert float((counts - expected).abs().max()) < 6 * expected**0.5


# Cutting


@pytest.mark.parametrize("kind", ["bert", "xlm-r", "gpt2", "llama", "t5"])
@pytest.mark.parametrize("side", ["right", "left"])
def test_a_long_document_keeps_its_beginning_and_its_special_tokens(kind, side):
    checkpoint = tiny_checkpoint(kind)
    checkpoint.tokenizer.truncation_side = side
    objective = make_objective("auto", checkpoint, max_length=20)
    whole = checkpoint.tokenizer(LONG.text)["input_ids"]
    assert objective.max_length == 20
    (example,) = objective.encode(LONG, "xx")
    assert example.cut
    ids = together(checkpoint, example) if kind == "t5" else _unmasked(example)
    assert len(ids) == 20
    ends = 1 if kind in ("bert", "xlm-r", "t5") else 0
    assert ids == [*whole[: 20 - ends], *whole[len(whole) - ends :]]
    read = checkpoint.tokenizer.decode(ids, skip_special_tokens=True).rstrip("\ufffd")
    assert LONG.text.startswith(read)
    assert abs(example.covered_bytes - len(read.encode())) <= 3
    (short,) = objective.encode(Document("Hund", 1), "xx")
    assert not short.cut
    assert short.covered_bytes == 4


def _unmasked(example) -> list[int]:
    pairs = zip(example.input_ids, example.labels, strict=True)
    return [token if label == IGNORE else label for token, label in pairs]


def test_the_default_length_is_what_model_and_tokenizer_allow():
    assert make_objective("auto", tiny_checkpoint("bert")).max_length == 128
    # XLM-R counts positions from the padding id on.
    assert make_objective("auto", tiny_checkpoint("xlm-r")).max_length == 126
    assert make_objective("auto", tiny_checkpoint("t5")).max_length == 512
    assert make_objective("auto", tiny_checkpoint("llama", max_position_embeddings=4096)).max_length == 512
    short = tiny_tokenizer("bert", max_length=50)
    assert make_objective("auto", tiny_checkpoint("bert", tokenizer=short)).max_length == 50
    assert make_objective("auto", tiny_checkpoint("bert", tokenizer=short), max_length=128).max_length == 128


@pytest.mark.parametrize(("kind", "positions"), [("bert", 128), ("xlm-r", 126), ("gpt2", 128)])
def test_a_model_reads_as_many_tokens_as_it_has_positions_and_no_more(kind, positions):
    checkpoint = tiny_checkpoint(kind)
    objective = make_objective("auto", checkpoint, max_length=positions)
    (example,) = objective.encode(LONG, "xx")
    assert len(example.input_ids) == positions
    assert torch.isfinite(objective.loss(checkpoint.model, collate([example], objective.pad_id)).total)
    with pytest.raises(InputError, match=f"{positions + 1} tokens is more than .* can read: {positions}"):
        make_objective("auto", checkpoint, max_length=positions + 1)


@pytest.mark.parametrize("kind", ["bert", "t5", "llama"])
def test_a_length_without_room_for_text_is_refused(kind):
    with pytest.raises(InputError, match="leaves no room for text"):
        make_objective("auto", tiny_checkpoint(kind), max_length=1)


@pytest.mark.parametrize("kind", ["bert", "gpt2", "t5"])
def test_a_line_of_100_000_characters_is_read_soon_and_without_a_warning(kind, capfd, caplog):
    objective = make_objective("auto", tiny_checkpoint(kind, tokenizer=None))
    capfd.readouterr()
    for text in (("河水缓缓流过古老的村庄" * 10_000)[:100_000], "the river " * 10_000):
        start = time.perf_counter()
        (example,) = objective.encode(Document(text, 1), "xx")
        assert time.perf_counter() - start < 5
        assert example.cut
        assert example.covered_bytes < 3000
    assert capfd.readouterr() == ("", "")
    assert caplog.text == ""


def test_encoding_leaves_the_tokenizer_as_it_was():
    checkpoint = tiny_checkpoint("llama")
    before = checkpoint.tokenizer.backend_tokenizer.to_str()
    make_objective("auto", checkpoint, max_length=5).encode(LONG, "xx")
    assert checkpoint.tokenizer.backend_tokenizer.to_str() == before


# Causal LM


def test_a_causal_example_is_the_tokenizers_own_ids():
    checkpoint = tiny_checkpoint("llama")
    objective = make_objective("causal-lm", checkpoint)
    for document in documents():
        (example,) = objective.encode(document, "xx")
        assert list(example.input_ids) == checkpoint.tokenizer(document.text)["input_ids"]
        assert example.input_ids[0] == checkpoint.tokenizer.bos_token_id
        assert example.labels == example.input_ids
        assert example.predictions == len(example.labels) - 1


def test_a_single_token_predicts_nothing():
    objective = make_objective("auto", tiny_checkpoint("gpt2"))
    assert objective.encode(Document("a", 1), "xx") == []
    assert len(objective.encode(Document("aq", 1), "xx")) == 1


# Span corruption


@pytest.mark.parametrize("passes", [1, 3, 6])
def test_spans_of_several_passes_are_disjoint_and_give_the_text_back(passes):
    checkpoint = tiny_checkpoint("t5")
    objective = make_objective("auto", checkpoint, mask_passes=passes)
    for document in [*documents(), Document(LONG.text[:400], 1)]:
        ids = checkpoint.tokenizer(document.text)["input_ids"]
        examples = objective.encode(document, "xx")
        assert 1 <= len(examples) <= passes
        taken = [_taken(objective, example) for example in examples]
        assert sum(len(each) for each in taken) == len(set().union(*taken))
        wanted = max(1, round(0.15 * (len(ids) - 1)))
        for example, positions in zip(examples, taken, strict=True):
            assert together(checkpoint, example) == ids
            assert example.input_ids[-1] == example.labels[-1] == checkpoint.tokenizer.eos_token_id
            assert example.predictions == len(example.labels)
            assert len(positions) <= wanted
        if passes < 6:
            assert len(taken[0]) == wanted


def _taken(objective, example) -> set[int]:
    """The positions of the text that an example takes out."""
    targets = list(example.labels[:-1])
    spans: dict[int, int] = {}
    sentinel = None
    for token in targets:
        if token in objective.sentinels:
            sentinel = token
            spans[sentinel] = 0
        else:
            spans[sentinel] += 1
    position, found = 0, set()
    for token in example.input_ids[:-1]:
        if token in objective.sentinels:
            found |= set(range(position, position + spans[token]))
            position += spans[token]
        else:
            position += 1
    return found


def test_sentinels_count_up_and_the_last_stands_for_the_rest_of_the_text():
    checkpoint = tiny_checkpoint("t5")
    objective = make_objective("auto", checkpoint)
    for document in documents():
        (example,) = objective.encode(document, "xx")
        inside = [token for token in example.input_ids if token in objective.sentinels]
        targets = [token for token in example.labels if token in objective.sentinels]
        assert inside == list(objective.sentinels[: len(inside)])
        goes_on = example.input_ids[-2] not in objective.sentinels
        assert targets == list(objective.sentinels[: len(inside) + goes_on])


def test_spans_are_three_tokens_long_on_average():
    objective = make_objective("auto", tiny_checkpoint("t5"))
    tokens = spans = 0
    for number in range(200):
        (example,) = objective.encode(Document(f"{number} {LONG.text}"[:150], 1), "xx")
        spans += sum(token in objective.sentinels for token in example.input_ids)
        tokens += len(_taken(objective, example))
    assert 2.5 < tokens / spans < 3.5


def test_a_text_of_one_token_cannot_be_corrupted():
    assert make_objective("auto", tiny_checkpoint("t5")).encode(Document("a", 1), "xx") == []


def test_few_sentinels_limit_the_spans():
    tokenizer = tiny_tokenizer("t5")
    checkpoint = tiny_checkpoint("t5", tokenizer=tokenizer)
    objective = make_objective("auto", checkpoint)
    few = type(objective)(**{**vars(objective), "sentinels": objective.sentinels[:3]})
    (example,) = few.encode(LONG, "xx")
    assert sum(token in objective.sentinels for token in example.input_ids) <= 2
    assert together(checkpoint, example) == tokenizer(LONG.text, truncation=True, max_length=512)["input_ids"]


# A callable


def _mean_loss(model, batch):
    output = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask, labels=batch.labels)
    count = int((batch.labels[:, 1:] != IGNORE).sum())
    return LossSums(output.loss * count, count, torch.zeros(len(batch.examples)))


def test_a_callable_gets_plain_text_and_may_use_the_models_own_loss():
    checkpoint = tiny_checkpoint("gpt2")
    own, custom = make_objective("auto", checkpoint), make_objective(_mean_loss, checkpoint)
    assert custom.name == "_mean_loss"
    examples = [example for document in documents() for example in custom.encode(document, "xx")]
    batch = collate(examples, custom.pad_id)
    expected, found = own.loss(checkpoint.model, batch), custom.loss(checkpoint.model, batch)
    assert found.predictions == expected.predictions == sum(example.predictions for example in examples)
    assert float(found.total.detach()) == pytest.approx(float(expected.total.detach()), rel=1e-5)


def _sums(total, predictions=1, rows=1):
    return lambda model, batch: LossSums(total, predictions, torch.zeros(rows))


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda model, batch: torch.zeros(()), "returned a Tensor"),
        (_sums(torch.zeros(2, requires_grad=True) * 1), "not a scalar tensor"),
        (_sums(3.0), "not a scalar tensor"),
        (_sums(torch.zeros(())), "without a graph"),
        (_sums(torch.zeros((), requires_grad=True) * 1, predictions=1.5), "1.5 predictions"),
        (_sums(torch.zeros((), requires_grad=True) * 1, predictions=-1), "-1 predictions"),
        (_sums(torch.zeros((), requires_grad=True) * 1, rows=3), "another shape than (1,)"),
    ],
)
def test_what_a_callable_returns_is_checked(function, words):
    checkpoint = tiny_checkpoint("gpt2")
    objective = make_objective(function, checkpoint)
    batch = collate(objective.encode(documents()[0], "xx"), objective.pad_id)
    with pytest.raises(InputError) as caught:
        objective.loss(checkpoint.model, batch)
    assert words in str(caught.value)


# Options and tokenizers


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("bert", {"mask_passes": 7}, "give at most 6"),
        ("bert", {"mask_passes": 0}, "give at least 1"),
        ("bert", {"mask_rate": 0.0}, "not between 0 and 1"),
        ("bert", {"mask_rate": 1.5}, "not between 0 and 1"),
        ("llama", {"mask_passes": 2}, "masks nothing"),
        ("llama", {"objective": "masked-lm"}, "made for causal-lm"),
        ("llama", {"objective": "nonsense"}, "unknown"),
    ],
)
def test_options_that_are_wrong(kind, options, words):
    objective = options.pop("objective", "auto")
    with pytest.raises(InputError, match=words):
        make_objective(objective, tiny_checkpoint(kind), **options)


def test_half_the_text_can_be_masked_twice():
    objective = make_objective("auto", tiny_checkpoint("bert"), mask_rate=0.5, mask_passes=2)
    first, second = objective.encode(documents()[0], "xx")
    assert abs(first.predictions - second.predictions) <= 1


def test_a_tokenizer_without_a_mask_token():
    checkpoint = tiny_checkpoint("bert", tokenizer=tiny_tokenizer("bert", without=("mask",)))
    with pytest.raises(RunError, match="no mask token that the model knows"):
        make_objective("auto", checkpoint)


def test_a_tokenizer_without_sentinels():
    with pytest.raises(RunError, match="no sentinels"):
        make_objective("span-corruption", tiny_checkpoint("mbart"))


def test_a_token_that_the_model_does_not_know_is_named_with_its_line():
    tokenizer = tiny_tokenizer("llama")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    objective = make_objective("auto", checkpoint_from_model(tiny_model("llama"), tokenizer, id="m"))
    assert objective.encode(Document("no image", 3), "xx")
    with pytest.raises(RunError, match=r"line 3: '<image>' is a token that the tokenizer of 'm' has"):
        objective.encode(Document("an <image>", 3), "xx")


def test_the_padding_id_is_the_models_own_and_has_a_row():
    assert make_objective("auto", tiny_checkpoint("xlm-r")).pad_id == 1
    # A padding token that was added to the tokenizer alone has no embedding.
    tokenizer = tiny_tokenizer("gpt2")
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    assert tokenizer.pad_token_id == 420
    assert make_objective("auto", tiny_checkpoint("gpt2", tokenizer=tokenizer)).pad_id == tokenizer.eos_token_id
