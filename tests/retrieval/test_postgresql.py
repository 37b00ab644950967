"""Hand-over to a real PostgreSQL, where one is installed: neighbours there are those of the exact
index."""

import glob
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from reference import random_table as table

from gluon_hash.retrieval import CodeTable, HammingIndex
from gluon_hash.retrieval.index.handover import bit_string, hand_over

BINARIES = [
    path.parent
    for path in map(Path, sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb")))
    if float(path.parts[4]) >= 14
]  # bit_count


@pytest.fixture(scope="module")
def psql():
    """Runs SQL in a server of our own, which listens on a socket in a folder of its own only."""
    if not BINARIES or not shutil.which("psql"):
        pytest.skip("no PostgreSQL 14 or newer in /usr/lib/postgresql")
    folder = tempfile.mkdtemp(prefix="pg.")
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    if user:
        shutil.chown(folder, user)
    data = Path(folder) / "data"

    def call(program, *arguments):
        subprocess.run(
            [BINARIES[-1] / program, "-D", data, *arguments],
            check=True,
            cwd=folder,
            user=user,
            stdout=subprocess.DEVNULL,
        )

    def run(sql, cwd=folder):
        done = subprocess.run(
            ["psql", "-h", folder, "-U", "us", "-d", "postgres", "-AtqX", "-f", "-"],
            input=sql,
            cwd=cwd,
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.split("|") for line in done.stdout.splitlines()], done.stderr

    call("initdb", "-A", "trust", "-U", "us", "--locale=C", "--no-sync")
    call(
        "pg_ctl",
        "-w",
        "-l",
        f"{folder}/log",
        "-o",
        f"-c listen_addresses='' -k {folder} -F",
        "start",
    )
    yield run
    call("pg_ctl", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.mark.parametrize("num_bits", [13, 48])
def test_neighbours_in_postgresql_are_those_of_the_exact_index(rng, psql, tmp_path, num_bits):
    base, query = table(rng, 200, num_bits, first_id=1 << 40), table(rng, 3, num_bits)
    name = f"codes_{num_bits}"
    folder = hand_over(base, "pgvector", tmp_path / "out", name=name)
    psql((folder / "schema.sql").read_text(), folder)
    assert psql(f"SELECT id, level_labels[2] FROM {name} ORDER BY id")[0] == [
        [str(item), str(labels[1])] for item, labels in zip(base.ids, base.level_labels)
    ]
    index = HammingIndex(num_bits)
    index.add(base.codes, base.ids)
    with_extension = psql("SELECT 1 FROM pg_extension WHERE extname = 'vector'")[0]
    for code, distances, ids in zip(query.codes, *index.search(query.codes, 10)):
        expected = [[str(item), str(distance)] for item, distance in zip(ids, distances)]
        bits = f"B'{bit_string(code, num_bits)}'"
        for distance in [
            f"bit_count(code # {bits})",
            *([f"(code <~> {bits})::int"] if with_extension else []),
        ]:
            assert (
                psql(f"SELECT id, {distance} AS d FROM {name} ORDER BY d, id LIMIT 10")[0]
                == expected
            )
    if with_extension:
        assert psql((folder / "query.sql").read_text())[0][0] == [str(base.ids[0]), "0"]


def test_paths_in_postgresql_are_those_of_the_table(rng, psql, tmp_path):
    base = table(rng, 4, 16)
    names = np.array(["a b/ü 1.jpg", 'it\'s "x".png', "back\\slash\\n.jpg", "with\ttab.jpg"])
    named = CodeTable(base.ids, base.codes, base.level_labels, 16, names)
    folder = hand_over(named, "pgvector", tmp_path / "out", name="photos")
    psql((folder / "schema.sql").read_text(), folder)
    assert psql("SELECT path FROM photos ORDER BY id")[0] == [[name] for name in names]
