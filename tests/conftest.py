"""Fixtures for all tests: small prepared data, and a seed that can be replayed."""
import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
DATASETS = Path(os.environ.get("GLUON_HASH_DATASETS", Path(__file__).parent.parent.parent / "shared" / "datasets"))


@pytest.fixture
def rng(request):
    """Random numbers from a seed; on failure the seed is in the report, GLUON_HASH_TEST_SEED replays it."""
    seed = int(os.environ.get("GLUON_HASH_TEST_SEED", np.random.SeedSequence().entropy % 2**32))
    request.node.user_properties.append(("seed", seed))
    print(f"GLUON_HASH_TEST_SEED={seed}")
    return np.random.RandomState(seed)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """A small synthetic data set as `prepare` writes it: 27 classes, 6 training and 2 query images each."""
    from gluon_hash.records.dataset import write_dataset
    from gluon_hash.records.synthetic import make_synthetic

    out = tmp_path_factory.mktemp("data") / "synthetic"
    write_dataset(make_synthetic(6, 2, 32, seed=1), out, seed=1)
    return out


@pytest.fixture(scope="session")
def datasets():
    """Real data sets; the test is skipped where they are absent."""
    if not DATASETS.exists():
        pytest.skip(f"no data sets in {DATASETS}")
    return DATASETS
