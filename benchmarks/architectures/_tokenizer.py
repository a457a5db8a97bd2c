"""A small byte-level tokenizer, made on the spot."""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

VOCABULARY = 384
"""Rows of every tiny model; the tokenizer leaves the last ones to tokens of other inputs than text."""

PAD, BOS, EOS, UNK, MASK = range(5)
_SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
_SPARE = 16
_SENTINELS = 16


def make_tokenizer(
    texts: Sequence[str], *, sentinels: bool = False, mask: bool = True, begin: bool = True
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer trained on some texts.

    Args:
        texts: what it is trained on.
        sentinels: whether it has T5's sentinels.
        mask: whether it has a mask token.
        begin: whether it puts a token before a text; it puts one after it in any case.
    """
    names = [f"<extra_id_{i}>" for i in range(_SENTINELS)] if sentinels else []
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - _SPARE - len(names),
        special_tokens=list(_SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(names)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>" if begin else "$A </s>", special_tokens=[("<s>", BOS), ("</s>", EOS)]
    )
    named = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    if mask:
        named["mask_token"] = "<mask>"
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **named)
