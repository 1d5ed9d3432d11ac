"""Search over features and binary codes, against plain loops and scikit-learn."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from utils import retrieval

quick = settings(max_examples=40, deadline=None, derandomize=True)


def bits(count, width, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(count, width, generator=generator) < 0.5


@quick
@given(width=st.integers(1, 40), count=st.integers(1, 8), seed=st.integers(0, 99))
def test_bits_come_back_from_their_bytes(width, count, seed):
    original = bits(count, width, seed)
    packed = retrieval.pack_bits(original)
    assert packed.shape == (count, -(-width // 8))
    theirs = np.packbits(original.numpy(), axis=1, bitorder="little")
    np.testing.assert_array_equal(packed.numpy(), theirs)


@quick
@given(width=st.integers(1, 70), seed=st.integers(0, 99))
def test_hamming_distance_counts_differing_bits(width, seed):
    a, b = bits(5, width, seed), bits(7, width, seed + 1000)
    found = retrieval.hamming_distances(retrieval.pack_bits(a), retrieval.pack_bits(b))
    assert torch.equal(found, (a[:, None] != b[None]).sum(dim=2, dtype=torch.int32))


def test_the_table_of_bytes_counts_ones_too():
    """What devices without such an instruction look up."""
    assert retrieval._BITS_SET.tolist() == np.bitwise_count(np.arange(256)).tolist()


def test_full_search_is_scikit_learns():
    generator = torch.Generator().manual_seed(0)
    database = torch.randn(200, 6, generator=generator)
    queries = torch.randn(9, 6, generator=generator)
    theirs = NearestNeighbors(n_neighbors=5).fit(database.numpy()).kneighbors(queries.numpy())[1]
    np.testing.assert_array_equal(retrieval.nearest(queries, database, 5).numpy(), theirs)


def test_of_equal_distances_the_first_row_comes_first():
    codes = torch.tensor([[3], [0], [3], [1], [2]], dtype=torch.uint8)
    query = torch.zeros(1, 1, dtype=torch.uint8)
    assert retrieval.search(query, codes, 5).tolist() == [[1, 3, 4, 0, 2]]


def test_recall_is_the_share_found_whatever_the_order():
    wanted = torch.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert retrieval.recall_at(wanted.flip(1), wanted) == 1
    assert retrieval.recall_at(torch.tensor([[4, 9, 1, 0], [0, 0, 0, 0]]), wanted) == 0.25
    assert retrieval.recall_at(torch.arange(20).expand(2, 20), wanted) == 1


def test_codes_learned_from_clusters_tell_them_apart():
    generator = torch.Generator().manual_seed(1)
    centres = torch.randn(8, 16, generator=generator)
    groups = torch.arange(8).repeat_interleave(40)
    features = centres[groups] + 0.1 * torch.randn(320, 16, generator=generator)
    model = retrieval.train_autoencoder(features, 16, epochs=30, batch_size=32, hidden=32)
    codes = model.codes(features)
    assert codes.shape == (320, 2)
    found = retrieval.search(codes, codes, 10)
    assert (groups[found] == groups[:, None]).float().mean() > 0.9
    drive = model.encoder(features).abs()
    assert drive.median() > 1  # the noise drives the units away from their threshold


def test_the_same_seed_gives_the_same_codes():
    features = torch.randn(64, 8, generator=torch.Generator().manual_seed(2))
    one, two = (retrieval.train_autoencoder(features, 8, epochs=2, seed=3) for _ in range(2))
    assert torch.equal(one.codes(features), two.codes(features))


@pytest.mark.parametrize(
    ("queries", "database", "count", "message"),
    [
        (torch.zeros(1, 3), torch.zeros(4, 2), 1, "queries of width 3"),
        (torch.zeros(1, 2), torch.zeros(4, 2), 5, "5 neighbours of 4 rows"),
        (torch.zeros(1, 2), torch.zeros(4, 2), 0, "0 neighbours"),
    ],
)
def test_impossible_searches_are_refused(queries, database, count, message):
    with pytest.raises(ValueError, match=message):
        retrieval.nearest(queries, database, count)
    with pytest.raises(ValueError, match=message):
        retrieval.search(queries.byte(), database.byte(), count)


def test_codes_must_be_bytes_of_one_width():
    with pytest.raises(ValueError, match="pack_bits"):
        retrieval.hamming_distances(torch.zeros(1, 2), torch.zeros(1, 2))
    with pytest.raises(ValueError, match="one width"):
        retrieval.hamming_distances(torch.zeros(1, 2).byte(), torch.zeros(1, 3).byte())
