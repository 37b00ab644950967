"""Damaged files of every kind: a few hundred of each here, 10,000 of each in `make fuzz`."""

import harness
import pytest

COUNT = 150


@pytest.mark.parametrize("room", harness.rooms())
def test_damaged_files_are_refused_with_their_name_or_read(room):
    outcomes = harness.run(room, COUNT)
    findings = [f"{name}: {f}" for name, outcome in outcomes.items() for f in outcome.findings]
    assert not findings, "\n".join(findings)
    for name, outcome in outcomes.items():
        assert sum(outcome.counts.values()) >= COUNT, name
        assert outcome.counts["refused"], name  # else nothing was tried
