"""`export` in every form, then `verify`: what agrees, what does not, and what is refused."""

import json

import numpy as np
import pytest

pytest.importorskip("mxnet")

RUNTIMES = ("symbol", "module", "c_api", "mxnet")


@pytest.fixture(scope="module")
def forms(trained, prepared, tmp_path_factory):
    """The run's network exported plainly, whole (pixels to bytes), and in int8."""
    from gluon_hash.experiment.models.exporting import export_model

    out = tmp_path_factory.mktemp("forms")
    export_model(trained / "run", out / "plain")
    export_model(trained / "run", out / "whole", pixels_in=True, packed_out=True)
    export_model(trained / "run", out / "small", int8=prepared / "train.rec")
    return out


def rows_of(text):
    return {row["form"]: row for row in map(json.loads, text.splitlines())}


def test_every_form_gives_the_runs_bits(run, forms, trained, prepared):
    arguments = [forms / f"{name}.manifest.json" for name in ("plain", "whole")]
    records = ["--records", prepared / "query.rec", "--against", trained / "run", "--json"]
    code, out, err = run("verify", *arguments, *records)
    assert code == 0, err
    rows = rows_of(out)
    assert list(rows) == [
        f"{name} {runtime}" for name in ("plain", "whole") for runtime in RUNTIMES
    ]
    assert all(row["equal_bits"] == row["equal_codes"] == 1.0 for row in rows.values())
    assert len({(row["map"], row["mahp"]) for row in rows.values()}) == 1
    assert all(row["images_per_second"] > 0 for row in rows.values())


def test_codes_may_be_held_against_those_of_an_export_that_packs_them(run, forms, prepared):
    records = ["--records", prepared / "query.rec", "--against", forms / "whole", "--json"]
    code, out, err = run("verify", forms / "plain", *records)  # DIR/NAME, as everywhere
    assert code == 0, err
    assert list(rows_of(out)) == [f"plain {runtime}" for runtime in RUNTIMES]
    assert all(row["equal_bits"] == 1.0 for row in rows_of(out).values())


def test_images_may_look_in_a_code_table(run, forms, trained, prepared, tmp_path):
    from gluon_hash.experiment import load_model
    from gluon_hash.retrieval import CodeTable, Cutoffs, evaluate

    model = load_model(trained / "run")
    model.encode_file(prepared / "train.rec").save(tmp_path / "d.npz")
    query, database = model.encode_file(prepared / "query.rec"), CodeTable.load(tmp_path / "d.npz")
    expected = evaluate(query, database, cutoffs=Cutoffs(ahp=min(100, len(database))))
    arguments = ["--records", prepared / "query.rec", "--images", len(query), "--json"]
    code, out, err = run("verify", forms / "plain", *arguments, "--database", tmp_path / "d.npz")
    assert code == 0, err
    for row in rows_of(out).values():
        assert row["map"] == pytest.approx(expected["map_tie_averaged"])
        assert row["mahp"] == pytest.approx(expected[f"mahp@{min(100, len(database))}"])
    other = CodeTable(
        database.ids, database.codes, database.level_labels, database.num_bits, model="0" * 64
    )
    other.save(tmp_path / "other.npz")
    code, _, err = run("verify", forms / "plain", *arguments, "--database", tmp_path / "other.npz")
    assert code == 2 and "of another model" in err


def test_int8_loses_bits_and_fails_where_more_is_asked(run, forms, prepared):
    both = [forms / f"{name}.manifest.json" for name in ("plain", "small")]
    records = ["--records", prepared / "query.rec", "--json"]
    code, out, err = run("verify", *both, *records, "--least", "1")
    small = rows_of(out)["small symbol"]
    assert code == 1 and "of the bits are equal, less than 100.0000%" in err
    assert 0.8 < small["equal_bits"] < 1 and small["equal_codes"] < 1
    assert run("verify", *both, *records, "--least", "0.8")[0] == 0


@pytest.mark.parametrize(
    "count, said", [(0, "has no images"), (1, "expected 2 images or more"), (3, None)]
)
def test_too_few_to_compare_are_refused(run, tmp_path, count, said):
    from gluon_hash.experiment.models.exporting import export_model
    from gluon_hash.retrieval import FeatureTable

    rng, labels = np.random.RandomState(0), np.arange(40, dtype=np.int32)[:, None] % 4
    for name, n in (("all", 40), ("few", count)):
        features = rng.randn(40, 8).astype(np.float16)[:n]
        FeatureTable(np.arange(n), features, labels[:n], {}).save(tmp_path / f"{name}.npz")
    fit = ["fit", "itq", "--features", tmp_path / "all.npz", "--bits", 8]
    assert run(*fit, "--out", tmp_path / "itq.npz")[0] == 0
    export_model(tmp_path / "itq.npz", tmp_path / "net")
    code, out, err = run("verify", tmp_path / "net", "--records", tmp_path / "few.npz", "--json")
    if said is not None:
        assert code == 2 and said in err
    else:  # of three classes: none is relevant to another, and NaN is not JSON
        assert code == 0 and rows_of(out)["net symbol"]["map"] is None and "NaN" not in out


def test_a_table_is_printed(run, forms, prepared, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    records = ["--records", prepared / "query.rec", "--images", "20"]
    code, out, _ = run("verify", forms / "plain.manifest.json", *records)
    assert code == 0 and "equal bits" in out and "plain c_api" in out and "100.00%" in out


def test_another_model_is_refused(run, forms, prepared, tmp_path):
    import gluon_hash as gh

    rng = np.random.RandomState(0)
    features = gh.datasets.features(rng.randn(60, 8), labels=np.arange(60) % 3)
    gh.train(features, num_bits=8, epochs=1, out=tmp_path / "other")
    records = ["--records", prepared / "query.rec", "--against", tmp_path / "other"]
    code, _, err = run("verify", forms / "plain.manifest.json", *records)
    assert code == 2 and "its codes have 8 bits" in err and "it is another model" in err
