"""Zoom-out search: what the answers of a search say about the branch that the query is in.

Answers are rows of labels, nearest first: int (m, K), the class of each at every level, level 0 the
finest, -1 where it is not known. Classes nest: two answers of one class at a level are of one class
at every coarser level too. Nothing here knows codes or distances.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = [
    "Branch",
    "Vote",
    "group_by",
    "in_branch",
    "labels_of_votes",
    "majority",
    "related_levels",
    "zoom_out",
]

UNKNOWN = -1


class Branch(NamedTuple):
    """A class at a level: every image below that node of the hierarchy."""

    level: int
    label: int


class Vote(NamedTuple):
    """A branch, and how many of the answers are in it."""

    branch: Branch
    votes: int
    num_answers: int

    @property
    def confidence(self) -> float:
        """The fraction of the answers that are in the branch."""
        return self.votes / self.num_answers


def zoom_out(level_labels: np.ndarray, agree: int | None = None) -> list[Vote]:
    """The finest branch in which enough answers agree, and the wider ones around it.

    The first branch is of the finest level at which some class holds ``agree`` of the answers or
    more: the class that holds most of them, of two with as many the one whose first answer is
    nearer. Then come its ancestors, from fine to coarse, each that holds more answers than the
    branch before it; so that the last one is as sure as these answers can be. An answer whose class
    is not known agrees with none, but counts as an answer: confidence is votes / m.

    Where ``agree`` is more than half of m there is never a choice: one class holds so many, and
    what holds for a branch holds for those around it.

    Parameters
    ----------
    level_labels : int, shape (m, K)
        Of the answers, nearest first.
    agree : int, optional
        Answers that must agree; default: more than half of m.

    Returns
    -------
    list of Vote
        From fine to coarse, votes ascending; empty if no class at any level holds ``agree``, or
        there is no answer.

    Raises
    ------
    ValueError
        If ``agree`` is less than 1.

    Examples
    --------
    Seven finches and three other birds (fine class 4) of one coarse class: "finch: 7 of 10; if not,
    bird: 10 of 10".

    >>> for vote in zoom_out(np.array([[0, 1]] * 7 + [[4, 1]] * 3)):
    ...     print(*vote)
    Branch(level=0, label=0) 7 10
    Branch(level=1, label=1) 10 10
    """
    level_labels = np.asarray(level_labels)
    num_answers, num_levels = level_labels.shape
    agree = majority(num_answers) if agree is None else agree
    if agree < 1:
        raise ValueError(f"agree: expected 1 answer or more, got {agree}")
    for level in range(num_levels):
        label, votes = _most(level_labels[:, level])
        if votes >= agree:
            return _widened(level_labels, Vote(Branch(level, label), votes, num_answers))
    return []


def majority(num_answers: int) -> int:
    """The least number that is more than half: 6 of 10, 6 of 11."""
    return num_answers // 2 + 1


def group_by(labels: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Answers by class: each class with the places of its answers.

    Parameters
    ----------
    labels : int, shape (m,)
        Class of each answer at one level, nearest first; -1: not known.

    Returns
    -------
    list of (int, int64 array)
        Classes in the order of their nearest answers, the unknown last; places ascending.

    Examples
    --------
    >>> group_by(np.array([7, -1, 3, 7]))
    [(7, array([0, 3])), (3, array([2])), (-1, array([1]))]
    """
    labels = np.asarray(labels)
    classes, first_places = np.unique(labels, return_index=True)
    order = np.lexsort((first_places, classes == UNKNOWN))
    return [(int(label), np.flatnonzero(labels == label)) for label in classes[order]]


def in_branch(level_labels: np.ndarray, branch: Branch) -> np.ndarray:
    """Which rows are in the branch: bool (N,).

    Raises
    ------
    ValueError
        If the labels have no such level.
    """
    num_levels = level_labels.shape[1]
    if not 0 <= branch.level < num_levels:
        raise ValueError(f"within: there are labels of {num_levels} levels, none of {branch.level}")
    return level_labels[:, branch.level] == branch.label


def related_levels(level_labels: np.ndarray, own: np.ndarray) -> np.ndarray:
    """How far up the tree each row is related to ``own``: the finest level at which both agree.

    Parameters
    ----------
    level_labels : int, shape (m, K)
        -1 where a class is not known, which agrees with nothing.
    own : int, shape (K,)

    Returns
    -------
    int64, shape (m,)
        From 0, the same finest class, to K: related at no level.

    Examples
    --------
    A finch among a finch, another bird and a fish:

    >>> related_levels(np.array([[0, 1], [4, 1], [7, 2]]), np.array([0, 1])).tolist()
    [0, 1, 2]
    """
    agree = (np.asarray(level_labels) == own) & (np.asarray(own) != UNKNOWN)
    return np.where(agree.any(axis=1), agree.argmax(axis=1), agree.shape[1])


def labels_of_votes(votes: list[Vote], level_labels: np.ndarray) -> np.ndarray:
    """The classes that zoom_out's first branch stands for: int (K,), -1 below its level.

    Parameters
    ----------
    votes : list of Vote
        Of zoom_out; where there is none, nothing is known.
    level_labels : int, shape (m, K)
        The answers that voted.
    """
    own = np.full(level_labels.shape[1], UNKNOWN, np.int64)
    if votes:
        level = votes[0].branch.level
        own[level:] = level_labels[in_branch(level_labels, votes[0].branch)][0, level:]
    return own


def _most(labels: np.ndarray) -> tuple[int, int]:
    """The known label that appears most often, the first met of several; and how often."""
    classes, first_places, counts = np.unique(
        labels[labels != UNKNOWN], return_index=True, return_counts=True
    )
    if not len(classes):
        return UNKNOWN, 0
    best = np.lexsort((first_places, -counts))[0]
    return int(classes[best]), int(counts[best])


def _widened(level_labels: np.ndarray, vote: Vote) -> list[Vote]:
    """The branch, then each of its ancestors with more votes than the one before."""
    votes = [vote]
    inside = level_labels[np.flatnonzero(in_branch(level_labels, vote.branch))[0]]
    for level in range(vote.branch.level + 1, level_labels.shape[1]):
        branch = Branch(level, int(inside[level]))
        count = int(in_branch(level_labels, branch).sum())
        if branch.label != UNKNOWN and count > votes[-1].votes:
            votes.append(Vote(branch, count, vote.num_answers))
    return votes
