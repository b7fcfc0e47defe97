"""Colors that agree between results: as many shared pixels as can be, and no color with two meanings."""

from itertools import permutations

import numpy as np
import pytest

from segcore.errors import InputError
from segcore.metrics import contingency
from segcore.show.color_match import BEHIND, match_colors, matched_palette
from segcore.show.palette import NEUTRAL, OBJECT_PALETTE, PALETTE


def most_shared(table: np.ndarray) -> int:
    """Brute force over all ways to match rows with columns one to one."""
    table = table if table.shape[0] <= table.shape[1] else table.T
    ways = permutations(range(table.shape[1]), len(table))
    return max(sum(row[column] for row, column in zip(table, way, strict=True)) for way in ways)


def same_color(a: np.ndarray, colors_a: np.ndarray, b: np.ndarray, colors_b: np.ndarray) -> int:
    """Pixels that wear the same color in both maps, the background aside."""
    return int(((colors_a[a] == colors_b[b]) & (colors_a[a] != BEHIND)).sum())


def draw(rng: np.random.Generator, n: int) -> np.ndarray:
    labels = rng.integers(0, n, (6, 7))
    labels.ravel()[:n] = np.arange(n)  # each occurs
    return labels


@pytest.mark.parametrize("seed", range(20))
def test_shared_pixels_are_the_most_there_can_be(seed):
    rng = np.random.default_rng(seed)
    a, b = draw(rng, rng.integers(1, 6)), draw(rng, rng.integers(1, 6))
    own = match_colors(a)
    assert same_color(a, own, b, match_colors(b, [(a, own)])) == most_shared(contingency(b, a))


@pytest.mark.parametrize("seed", range(10))
def test_shared_pixels_of_objects_are_the_most_there_can_be(seed):
    rng = np.random.default_rng(seed)
    a, b = draw(rng, 4), draw(rng, 3)
    own = match_colors(a, has_background=True)
    found = match_colors(b, [(a, own)], has_background=True)
    assert found[0] == own[0] == BEHIND
    assert same_color(a, own, b, found) == most_shared(contingency(b, a)[1:, 1:])


@pytest.mark.parametrize("seed", range(10))
def test_no_color_has_two_meanings(seed):
    rng = np.random.default_rng(seed)
    earlier = []
    for n in (3, 5, 2, 6):
        labels = draw(rng, n)
        colors = match_colors(labels, earlier, has_background=bool(rng.integers(2)))
        segments = colors[colors != BEHIND]
        assert len(set(segments)) == len(segments)
        worn = {c for _, others in earlier for c in others}
        assert sorted(set(segments) - worn) == list(range(max(worn, default=BEHIND) + 1, max([*worn, *segments]) + 1))
        earlier.append((labels, colors))


def test_a_relabeled_map_keeps_every_color():
    labels = draw(np.random.default_rng(0), 5)
    new_number = np.array([3, 0, 4, 1, 2])
    own = match_colors(labels)
    found = match_colors(new_number[labels], [(labels, own)])
    np.testing.assert_array_equal(found[new_number[labels]], own[labels])


def test_the_largest_sum_beats_the_largest_pair():
    """Greedy matching would join the 5 shared pixels first and end with 5 + 0."""
    a = np.array([[0] * 5 + [1] * 4 + [0] * 4])
    b = np.array([[0] * 5 + [0] * 4 + [1] * 4])
    own = match_colors(a)
    assert match_colors(b, [(a, own)]).tolist() == [1, 0]


def test_what_two_results_share_against_the_reference_has_one_color():
    reference = np.zeros((4, 9), dtype=int)
    reference[:, :3] = 1
    thirds = np.repeat([[1, 2, 0]], 4, axis=0).repeat(3, axis=1)
    other = np.repeat([[0, 1, 2]], 4, axis=0).repeat(3, axis=1)
    earlier = [(reference, match_colors(reference, has_background=True))]
    earlier.append((thirds, match_colors(thirds, earlier)))
    found = match_colors(other, earlier)
    np.testing.assert_array_equal(found[other], earlier[1][1][thirds])
    assert found[other][0, 0] == earlier[0][1][1]


def test_segments_that_share_nothing_do_not_share_a_color():
    a, b = np.array([[0, 0, 1, 1]]), np.array([[0, 0, 0, 0]])
    object_alone = np.array([[1, 1, 0, 0]])
    own = match_colors(a)
    assert match_colors(b, [(a, own)]).tolist() in ([0], [1])
    first = match_colors(np.array([[0, 0, 0, 1]]), has_background=True)
    assert match_colors(object_alone, [(np.array([[0, 0, 0, 1]]), first)], has_background=True).tolist() == [BEHIND, 1]


def test_labels_that_do_not_occur_disturb_nothing():
    gappy = np.array([[0, 0, 2, 2, 5]])
    assert match_colors(gappy).tolist() == [0, 1, 2, 3, 4, 5]
    dense = np.array([[1, 1, 0, 0, 2]])
    found = match_colors(dense, [(gappy, match_colors(gappy))])
    assert found.tolist() == [2, 0, 5]
    again = match_colors(gappy, [(dense, found)])
    assert again[[0, 2, 5]].tolist() == [0, 2, 5]
    assert len(set(again.tolist())) == 6


@pytest.mark.parametrize("has_background", [False, True])
def test_a_result_of_its_own_has_its_own_colors(has_background):
    labels = draw(np.random.default_rng(0), 4)
    palette = OBJECT_PALETTE if has_background else PALETTE
    assert matched_palette(match_colors(labels, has_background=has_background)).hex(4) == palette.hex(4)


def test_palette_follows_the_indices_also_past_its_end():
    colors = np.array([BEHIND, 2, 25])
    assert matched_palette(colors).hex(3) == (NEUTRAL, PALETTE.hex(3)[2], PALETTE.hex(26)[25])


def test_maps_of_two_sizes_are_refused():
    with pytest.raises(InputError, match="same size"):
        match_colors(np.zeros((2, 3), int), [(np.zeros((3, 2), int), np.array([0]))])
