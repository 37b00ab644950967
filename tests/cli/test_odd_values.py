"""Values that nobody means, at every option: one clear line, exit 2, nothing left, no traceback."""

import odd_values
import pytest


def said(findings):
    return "\n".join(f"{wrong}: {' '.join(map(repr, words))}" for words, wrong in findings)


def test_three_odd_values_at_every_option(tmp_path):
    total, findings = odd_values.run(every=False)
    assert total > 400 and not findings, said(findings)


@pytest.mark.slow
def test_every_odd_value_at_every_option(tmp_path):
    total, findings = odd_values.run(every=True)
    assert total > 4000 and not findings, said(findings)


def test_what_is_wrong_is_found(tmp_path, monkeypatch):
    """A command that raises what nobody expects, one that leaves a file, one that is late."""
    monkeypatch.chdir(tmp_path)

    def ends(words):
        if words == ["raises"]:
            raise KeyError("x")
        (tmp_path / "half").write_text("")
        print("gluon-hash: error: x", file=odd_values.sys.stderr)
        raise SystemExit(2 if words == ["leaves"] else 5)

    monkeypatch.setattr("gluon_hash.cli.app.main", ends)
    assert odd_values.judged(["raises"], {}).startswith("KeyError")
    assert odd_values.judged(["leaves"], {}).startswith("left or changed [('half'")
    assert odd_values.judged(["five"], {}).startswith("exit 5")
