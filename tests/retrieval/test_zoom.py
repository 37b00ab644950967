"""Zoom-out search: votes on hand-made trees, and against a brute force over all branches."""

import numpy as np
import pytest

from gluon_hash.retrieval.index.zoom import (
    Branch,
    Vote,
    group_by,
    in_branch,
    labels_of_votes,
    majority,
    related_levels,
    zoom_out,
)

# finch 0, owl 1 and trout 2, carp 3; bird 0, fish 1; animal 0
FINCH, OWL, TROUT, CARP = [0, 0, 0], [1, 0, 0], [2, 1, 0], [3, 1, 0]
ROCK = [4, 2, 1]


def voted(votes):
    return [(tuple(vote.branch), vote.votes, vote.num_answers) for vote in votes]


def brute_zoom(labels, agree):
    """The definition, branch by branch: every class of every level is tried."""
    num_answers, num_levels = labels.shape
    for level in range(num_levels):
        holders = {}
        for place, label in enumerate(labels[:, level]):
            if label >= 0:
                holders.setdefault(int(label), []).append(place)
        enough = [
            (-len(places), places[0], label)
            for label, places in holders.items()
            if len(places) >= agree
        ]
        if enough:
            chain, most = [], 0
            inside = labels[min(enough)[1]]
            for wider in range(level, num_levels):
                votes = sum(1 for row in labels if row[wider] == inside[wider])
                if inside[wider] >= 0 and votes > most:
                    chain.append(((wider, int(inside[wider])), votes, num_answers))
                    most = votes
            return chain
    return []


@pytest.mark.parametrize(
    "answers, agree, expected",
    [
        ([FINCH] * 7 + [OWL] * 3, None, [((0, 0), 7, 10), ((1, 0), 10, 10)]),
        ([FINCH] * 10, None, [((0, 0), 10, 10)]),
        # no class holds 6 of 10; birds do; all are animals
        ([FINCH] * 4 + [OWL] * 4 + [TROUT, CARP], None, [((1, 0), 8, 10), ((2, 0), 10, 10)]),
        ([FINCH, TROUT, ROCK], None, [((2, 0), 2, 3)]),
        ([FINCH, TROUT, ROCK], 3, []),  # agree nowhere
        # two classes of the finest level hold 2: the first met; then what holds more
        ([OWL, TROUT, TROUT, OWL, CARP], 2, [((0, 1), 2, 5), ((2, 0), 5, 5)]),
        ([OWL, OWL, OWL, TROUT], 3, [((0, 1), 3, 4), ((2, 0), 4, 4)]),  # bird: 3 again, left out
        ([], None, []),
    ],
)
def test_the_finest_branch_in_which_enough_agree(answers, agree, expected):
    labels = np.array(answers, int).reshape(-1, 3)
    assert voted(zoom_out(labels, agree)) == expected


def test_an_unknown_class_agrees_with_none_but_counts():
    labels = np.array([[0, 0], [-1, 0], [-1, -1], [0, 0], [-1, 0]])
    # 2 of 5 know the fine class: no majority; 4 of 5 are of coarse class 0
    assert voted(zoom_out(labels)) == [((1, 0), 4, 5)]
    assert voted(zoom_out(labels, 2)) == [((0, 0), 2, 5), ((1, 0), 4, 5)]
    assert zoom_out(np.full((3, 2), -1)) == []
    with pytest.raises(ValueError, match="agree: expected 1 answer or more, got 0"):
        zoom_out(labels, 0)


def test_confidence_is_the_fraction_that_agrees():
    assert Vote(Branch(0, 3), 7, 10).confidence == 0.7
    assert [majority(count) for count in (0, 1, 2, 10, 11)] == [1, 1, 2, 6, 6]


def random_labels(rng, count, num_levels):
    """Labels of a random tree, some unknown from the finest level up."""
    parents = [rng.randint(0, 2 ** (num_levels - 1 - level), 30) for level in range(num_levels)]
    labels = np.empty((count, num_levels), int)
    labels[:, 0] = rng.randint(0, 2**num_levels, count)
    for level in range(1, num_levels):
        labels[:, level] = parents[level][labels[:, level - 1]]
    for row in labels[rng.rand(count) < 0.2]:
        row[: rng.randint(0, num_levels + 1)] = -1
    return labels


def test_it_is_the_brute_force_on_random_trees(rng):
    met = set()
    for _ in range(300):
        labels = random_labels(rng, rng.randint(0, 15), rng.randint(1, 5))
        for agree in range(1, len(labels) + 2):
            expected = brute_zoom(labels, agree)
            assert voted(zoom_out(labels, agree)) == expected
            met.add(len(expected))
        assert voted(zoom_out(labels)) == brute_zoom(labels, len(labels) // 2 + 1)
    assert met >= {0, 1, 2}  # or the trees would say nothing


def test_with_a_majority_the_order_of_the_answers_does_not_matter(rng):
    for _ in range(50):
        labels = random_labels(rng, rng.randint(1, 12), 3)
        shuffled = labels[rng.permutation(len(labels))]
        assert zoom_out(labels) == zoom_out(shuffled)


def test_groups_come_by_their_nearest_answer_the_unknown_last(rng):
    groups = group_by(np.array([-1, 5, 2, 5, -1, 2, 9]))
    assert [(label, places.tolist()) for label, places in groups] == [
        (5, [1, 3]),
        (2, [2, 5]),
        (9, [6]),
        (-1, [0, 4]),
    ]
    assert group_by(np.empty(0, int)) == []
    labels = rng.randint(-1, 4, 50)
    together = np.concatenate([places for _, places in group_by(labels)])
    assert sorted(together) == list(range(50))


def test_a_branch_is_every_row_below_it():
    labels = np.array([FINCH, TROUT, OWL, ROCK])
    assert in_branch(labels, Branch(1, 0)).tolist() == [True, False, True, False]
    assert in_branch(labels, Branch(2, 0)).tolist() == [True, True, True, False]
    with pytest.raises(ValueError, match="labels of 3 levels, none of 3"):
        in_branch(labels, Branch(3, 0))


def test_relation_is_the_finest_level_that_agrees():
    rows = np.array([FINCH, OWL, TROUT, ROCK, [-1, 0, 0], [-1, -1, -1]])
    # finch itself; a bird; an animal; nothing; a bird of unknown kind; nothing known
    assert related_levels(rows, np.array(FINCH)).tolist() == [0, 1, 2, 3, 1, 3]
    # what is unknown of the query agrees with nothing, not with what is unknown of an answer
    assert related_levels(rows, np.array([-1, 0, 0])).tolist() == [1, 1, 2, 3, 1, 3]
    assert related_levels(rows, np.array([-1, -1, -1])).tolist() == [3] * 6


def test_the_branch_of_a_vote_is_known_from_its_level_up():
    rows = np.array([TROUT, FINCH, FINCH, OWL])
    assert labels_of_votes(zoom_out(rows, 2), rows).tolist() == FINCH
    assert labels_of_votes(zoom_out(rows, 3), rows).tolist() == [-1, *FINCH[1:]]
    assert labels_of_votes([], rows).tolist() == [-1, -1, -1]
