"""How languages are related: URIEL's family features, as lang2vec packages them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.assets._cache import AssetError, Package, build

PACKAGE = Package(
    client="pip",
    name="lang2vec",
    version="1.1.2",
    sha256="bc43eddce15175ee1561c8a0566f56e42019d5987ea6c2890770a1b5d1f48fa4",
    licence="CC-BY-SA-4.0",
)
ISO_639_3 = {
    "ar": "arb",
    "de": "deu",
    "en": "eng",
    "es": "spa",
    "fr": "fra",
    "ja": "jpn",
    "ko": "kor",
    "ru": "rus",
    "uk": "ukr",
    "zh": "cmn",
}
"""Short names of languages and URIEL's codes for them."""


def uriel_relatedness(languages: Sequence[str]) -> pd.DataFrame:
    """The cosine between languages' vectors of genealogical features: one for each branch that a language belongs to.

    URIEL (Littell et al. 2017, https://aclanthology.org/E17-2002) defines its genetic distance as one minus this. Two
    languages of different families have 0.

    Args:
        languages: short names from `ISO_639_3`.

    Returns:
        Language × language, 1 on the diagonal.

    Raises:
        AssetUnavailableError: pip cannot download the package here.
        AssetError: an unknown language.
    """
    unknown = sorted(set(languages) - set(ISO_639_3))
    if unknown:
        raise AssetError(f"No code is known for {', '.join(unknown)}; there are {', '.join(ISO_639_3)}.")
    root = build("lang2vec-1.1.2-r1", PACKAGE, _keep_families)
    with np.load(root / "family_features.npz") as file:
        rows = [str(name) for name in file["langs"]]
        data = np.asarray(file["data"], dtype=np.float64)
    vectors = data.reshape(len(rows), -1)[[rows.index(ISO_639_3[language]) for language in languages]]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pd.DataFrame(vectors @ vectors.T, index=list(languages), columns=list(languages))


def _keep_families(unpacked: Path, folder: Path) -> None:
    shutil.copyfile(unpacked / "lang2vec" / "data" / "family_features.npz", folder / "family_features.npz")
