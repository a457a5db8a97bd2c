from __future__ import annotations

from typing import Any

import pytest

from interfere import InputError
from interfere.settings import ExperimentSettings


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"mixtures": ()}, "--mixtures"),
        ({"mixtures": ("mono", "mono")}, "--mixtures"),
        ({"mixtures": ("quartets",)}, "--mixtures 'quartets'"),
        ({"pairs": ("de-en",), "mixtures": ("mono",)}, "--pairs"),
        ({"pairs": ()}, "--pairs"),
        ({"architecture": "both"}, "--architecture 'both'"),
        ({"preset": "huge"}, "--preset 'huge'"),
        ({"preset": "config.json", "widths": (8,)}, "--widths"),
        ({"preset": "config.json", "dropout": 0.1}, "--dropout"),
        ({"widths": (0,)}, "--widths 0"),
        ({"widths": (8, 8)}, "--widths"),
        ({"tokenizer": "words"}, "--tokenizer 'words'"),
        ({"vocabulary": 1000}, "--vocabulary is for --tokenizer bpe"),
        ({"vocabulary": 100, "tokenizer": "bpe"}, "--vocabulary 100"),
        ({"context": 1}, "--context 1"),
        ({"batch_size": 0}, "--batch-size 0"),
        ({"updates": 0}, "--updates 0"),
        ({"learning_rate": 0.0}, "--learning-rate 0"),
        ({"learning_rate": float("nan")}, "--learning-rate nan"),
        ({"warmup": 1.0}, "--warmup 1"),
        ({"schedule": "step"}, "--schedule 'step'"),
        ({"weight_decay": -0.1}, "--weight-decay -0.1"),
        ({"signal": "flag"}, "--signal 'flag'"),
        ({"temperature": 0.0}, "--temperature 0"),
        ({"seeds": 0}, "--seeds 0"),
        ({"text": ()}, "--text"),
        ({"text": (1.5,)}, "--text"),
        ({"text": (0.5, 0.5)}, "--text"),
        ({"held_out": 0.0}, "--held-out 0"),
        ({"checkpoints": 0}, "--checkpoints 0"),
        ({"mask_rate": 0.3}, "--mask-rate is for --architecture encoder"),
        ({"mask_rate": 1.0, "architecture": "encoder"}, "--mask-rate 1"),
        ({"dropout": 1.0}, "--dropout 1"),
        ({"threads": 0}, "--threads 0"),
        ({"seed": -1}, "--seed -1"),
    ],
)
def test_what_is_out_of_range_is_refused_by_the_name_of_its_option(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ExperimentSettings(**wrong)
