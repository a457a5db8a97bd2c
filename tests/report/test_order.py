import numpy as np
import pandas as pd
import pytest

from interfere.report import cluster_order


def _matrix(names, values):
    return pd.DataFrame(values, index=names, columns=names)


def _random(n, seed=0, missing=0.0):
    rng = np.random.default_rng(seed)
    values = rng.uniform(-1, 1, (n, n))
    values[rng.random((n, n)) < missing] = np.nan
    values = np.triu(values, 1)
    return _matrix([f"l{i:02d}" for i in range(n)], values + values.T)


@pytest.mark.parametrize("missing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("n", [2, 3, 8, 40])
def test_order_does_not_depend_on_the_order_given(n, missing):
    matrix = _random(n, missing=missing)
    order = cluster_order(matrix)
    assert sorted(order) == list(matrix.index)
    for seed in range(3):
        shuffled = list(np.random.default_rng(seed).permutation(matrix.index))
        assert cluster_order(matrix.loc[shuffled, shuffled]) == order


def test_planted_families_stand_together():
    names = [f"{family}{i}" for i in range(4) for family in "xyz"]
    values = [[0.8 if a[0] == b[0] else -0.1 for b in names] for a in names]
    order = cluster_order(_matrix(names, values))
    assert len({name[0] for name in order[:4]}) == len({name[0] for name in order[4:8]}) == 1


def test_a_chain_is_laid_out_along_itself():
    names = list("fbdace")
    values = [[1 - abs(ord(a) - ord(b)) / 3 for b in names] for a in names]
    assert cluster_order(_matrix(names, values)) == list("abcdef")


def test_values_out_of_range_count_as_the_bound():
    matrix = _random(6)
    stretched = matrix.copy()
    stretched.iloc[0, 1] = stretched.iloc[1, 0] = 5.0
    matrix.iloc[0, 1] = matrix.iloc[1, 0] = 1.0
    assert cluster_order(stretched) == cluster_order(matrix)
