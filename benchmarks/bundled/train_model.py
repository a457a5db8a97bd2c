"""Train the bundled checkpoint: a small multilingual masked LM, from real text, in minutes on two cores.

    python -m benchmarks.bundled.train_model --output FOLDER

The same command on the same machine with the same versions gives the same bytes. Nothing of the bundled corpus is read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import ModernBertConfig, ModernBertForMaskedLM, PreTrainedTokenizerFast

from benchmarks.bundled._prose import LANGUAGES, Prose, real_prose

THREADS = 2
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
PAD, BEGIN, END, _UNKNOWN, MASK = range(len(SPECIAL))


@dataclass(frozen=True)
class Recipe:
    """What the training depends on.

    Args:
        vocabulary: tokens, the 256 bytes included.
        hidden: width.
        inner: width of the gated MLP.
        layers: how many.
        heads: of each layer.
        longest: tokens that a text is cut to.
        steps: updates.
        batch_tokens: tokens of an update, padding included.
        rate: the highest learning rate.
        mask_rate: share of the tokens that are masked, always by the mask token.
        flatten: exponent of a language's share of the text; 1 draws texts as they are, 0 languages equally.
        seed: of the weights, the order and the masks.
    """

    vocabulary: int = 6000
    hidden: int = 128
    inner: int = 256
    layers: int = 4
    heads: int = 4
    longest: int = 96
    steps: int = 3000
    batch_tokens: int = 2048
    rate: float = 3e-3
    mask_rate: float = 0.25
    flatten: float = 0.3
    seed: int = 0


def main(arguments: list[str] | None = None) -> None:
    """Train, and write the folder."""
    recipe = Recipe()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bundled.train_model", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder of the checkpoint")
    for name, value in asdict(recipe).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    asked = vars(parser.parse_args(arguments))
    output: Path = asked.pop("output")
    train(Recipe(**asked), real_prose(), output)


def train(recipe: Recipe, prose: Prose, output: Path) -> None:
    """Train a tokenizer and a model, and write both with a record of the training.

    Args:
        recipe: see `Recipe`.
        prose: the text.
        output: a folder, made if needed; `training.json` in it says how it went.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(THREADS)
    torch.manual_seed(recipe.seed)
    began = time.perf_counter()
    weights = language_weights(prose.train, recipe.flatten)
    tokenizer = train_tokenizer(prose.train, weights, recipe)
    texts = {
        language: [[*ids[:-1][: recipe.longest - 1], END] for ids in tokenizer(texts)["input_ids"]]
        for language, texts in prose.train.items()
    }
    model = ModernBertForMaskedLM(_config(recipe, tokenizer))
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters", flush=True)
    fit(model, texts, weights, recipe)

    output.mkdir(parents=True, exist_ok=True)
    model.eval().half().save_pretrained(output)
    tokenizer.save_pretrained(output)
    record = {
        "recipe": asdict(recipe),
        "seconds": round(time.perf_counter() - began),
        "threads": THREADS,
        "torch": torch.__version__,
        "languages": {
            language: {
                "texts": len(prose.train[language]),
                "characters": sum(map(len, prose.train[language])),
                "bytes": sum(len(text.encode()) for text in prose.train[language]),
                "tokens": sum(map(len, texts[language])),
                "share": round(weights[language], 4),
            }
            for language in LANGUAGES
        },
    }
    (output / "training.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def language_weights(texts: Mapping[str, Sequence[str]], flatten: float) -> dict[str, float]:
    """How often each language is drawn: its share of all characters to the power `flatten`, normalised."""
    sizes = {language: sum(map(len, texts[language])) ** flatten for language in texts}
    total = sum(sizes.values())
    return {language: size / total for language, size in sizes.items()}


def train_tokenizer(
    texts: Mapping[str, Sequence[str]], weights: Mapping[str, float], recipe: Recipe
) -> PreTrainedTokenizerFast:
    """Byte-level BPE, which loses no text, trained on languages in the shares that the model sees."""
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    words.decoder = decoders.ByteLevel()
    words.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B </s>",
        special_tokens=[("<s>", BEGIN), ("</s>", END)],
    )
    trainer = trainers.BpeTrainer(
        vocab_size=recipe.vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    # Every language is repeated so often, in whole texts, that it has its share of the characters.
    sizes = {language: sum(map(len, texts[language])) for language in texts}
    most = max(sizes[language] / weights[language] for language in texts)
    sample = [
        text
        for language in sorted(texts)
        for text in texts[language] * max(1, round(most * weights[language] / sizes[language]))
    ]
    words.train_from_iterator(sample, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        cls_token="<s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=512,
    )


def _config(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> ModernBertConfig:
    return ModernBertConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        max_position_embeddings=512,
        layer_types=["full_attention"] * recipe.layers,
        pad_token_id=PAD,
        bos_token_id=BEGIN,
        eos_token_id=END,
        cls_token_id=BEGIN,
        sep_token_id=END,
        attn_implementation="sdpa",
    )


def fit(model: Any, texts: Mapping[str, list[list[int]]], weights: Mapping[str, float], recipe: Recipe) -> None:
    """Train with Muon (the layers' matrices) and AdamW (the rest), with the same schedule.

    The learning rate rises over the first twentieth and falls to 0 linearly over the last half.
    """
    layers = {p for p in model.model.layers.parameters() if p.ndim == 2}
    matrices = [p for p in model.parameters() if p in layers]
    rest = [p for p in model.parameters() if p not in layers]
    muon = torch.optim.Muon(matrices, weight_decay=0.01, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW(rest, betas=(0.9, 0.98), weight_decay=0.0)
    warm = max(1, recipe.steps // 20)
    generator = torch.Generator().manual_seed(recipe.seed)
    model.train()
    began, heard = time.perf_counter(), []
    for step, batch in enumerate(batches(texts, weights, recipe)):
        if step == recipe.steps:
            break
        rate = recipe.rate * min((step + 1) / warm, 2 * (1 - step / recipe.steps), 1.0)
        for group in (*muon.param_groups, *adam.param_groups):
            group["lr"] = rate
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(x) for x in batch], batch_first=True, padding_value=PAD)
        masked = (torch.rand(ids.shape, generator=generator) < recipe.mask_rate) & (ids >= len(SPECIAL))
        hidden = model.model(
            input_ids=ids.masked_fill(masked, MASK), attention_mask=(ids != PAD).long()
        ).last_hidden_state
        logits = model.decoder(model.head(hidden[masked]))
        loss = torch.nn.functional.cross_entropy(logits, ids[masked])
        model.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        muon.step()
        adam.step()
        heard.append(loss.item())
        if (step + 1) % 100 == 0:
            spent = time.perf_counter() - began
            print(f"step {step + 1}: loss {sum(heard[-100:]) / 100:.3f}, {spent:.0f} s", flush=True)


def batches(
    texts: Mapping[str, list[list[int]]], weights: Mapping[str, float], recipe: Recipe
) -> Iterator[list[list[int]]]:
    """Batches of texts of all languages and of similar length, without end.

    Each language's texts are dealt out in a shuffled order, and again in another when they are used up.
    """
    rng = random.Random(recipe.seed)
    languages = sorted(texts)
    shares = [weights[language] / _mean_length(texts[language]) for language in languages]
    decks: dict[str, list[list[int]]] = {language: [] for language in languages}
    while True:
        pool = []
        for language in rng.choices(languages, shares, k=2048):
            if not decks[language]:
                decks[language] = rng.sample(texts[language], len(texts[language]))
            pool.append(decks[language].pop())
        pool.sort(key=len)
        cut: list[list[list[int]]] = [[]]
        for ids in pool:
            if (len(cut[-1]) + 1) * len(ids) > recipe.batch_tokens:
                cut.append([])
            cut[-1].append(ids)
        rng.shuffle(cut)
        yield from cut


def _mean_length(texts: Sequence[Sequence[int]]) -> float:
    return sum(map(len, texts)) / len(texts)


if __name__ == "__main__":
    main()
