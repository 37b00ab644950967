"""Threads and cache folders: the user's settings win; nothing is kept where others can write."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gluon_hash import environment


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files, empty."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def homeless(monkeypatch):
    """A user without a home, and no folder that the environment names."""
    monkeypatch.setenv("HOME", "/nonexistent/home")
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MPLCONFIGDIR", "set, so that monkeypatch restores it")
    monkeypatch.delenv("MPLCONFIGDIR")
    # root may write everywhere: of what is asked here, only the temporary folder counts
    permitted = environment.is_writable
    monkeypatch.setattr(
        environment,
        "is_writable",
        lambda folder: str(folder).startswith(tempfile.gettempdir()) and permitted(folder),
    )


@pytest.mark.parametrize("given, expected", [("3", "3"), (None, str(environment.processors()))])
def test_threads_of_the_user_win(monkeypatch, given, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", "set, so that monkeypatch restores it")
    if given is None:
        monkeypatch.delenv("OMP_NUM_THREADS")
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    environment.set_threads()
    assert os.environ["OMP_NUM_THREADS"] == expected


def test_processors_where_the_system_does_not_say_which_are_ours(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert environment.processors() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert environment.processors() == 1


def test_the_cache_folder_is_the_users_own_and_stays(temporary):
    folder = environment.cache_folder()
    assert folder.parent == temporary and folder.stat().st_mode & 0o777 == 0o700
    assert environment.cache_folder() == folder


@pytest.mark.parametrize("what", ["file", "link", "open to all", "nowhere to write"])
def test_a_cache_folder_that_others_may_have_filled_is_not_used(temporary, monkeypatch, what):
    place = temporary / f"gluon_hash-{os.getuid()}"
    if what == "file":
        place.write_text("")
    elif what == "link":
        (temporary / "theirs").mkdir(mode=0o700)
        place.symlink_to(temporary / "theirs")
    elif what == "open to all":
        place.mkdir()
        place.chmod(0o777)
    else:
        monkeypatch.setattr(tempfile, "tempdir", str(temporary / "absent"))
    assert environment.cache_folder() is None


def test_without_a_home_caches_go_to_the_temporary_folder(temporary, homeless):
    environment.set_caches()
    ours = temporary / f"gluon_hash-{os.getuid()}"
    assert os.environ["MPLCONFIGDIR"] == str(ours / "matplotlib")
    assert environment.compiled_folder() == ours


def test_folders_of_the_user_win(temporary, homeless, monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", "mine")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(temporary / "compiled"))
    environment.set_caches()
    assert os.environ["MPLCONFIGDIR"] == "mine"
    assert environment.compiled_folder() == temporary / "compiled"


def test_a_home_that_can_be_written_is_used(temporary, homeless, monkeypatch):
    monkeypatch.setenv("HOME", str(temporary))
    environment.set_caches()
    assert "MPLCONFIGDIR" not in os.environ
    assert environment.compiled_folder() == temporary / ".cache" / "numba"


def test_what_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    assert environment.is_writable(tmp_path) and environment.is_writable(tmp_path / "a" / "b")
    assert not environment.is_writable(tmp_path / "file")
    assert not environment.is_writable(tmp_path / "file" / "below")
    assert not environment.is_writable(Path("~") / ".cache")  # of a user whose home is unknown


@pytest.fixture
def read_only(tmp_path):
    """A copy of the library in which nobody can write; and a user to whom that applies."""
    library = tmp_path / "site" / "gluon_hash"
    shutil.copytree(
        Path(environment.__file__).parent, library, ignore=shutil.ignore_patterns("__pycache__")
    )
    folders = [tmp_path / "site", library, *filter(Path.is_dir, library.rglob("*"))]
    for folder in folders:
        folder.chmod(0o555)
    root_obeys = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"]
    yield tmp_path / "site", root_obeys if os.getuid() == 0 else []
    for folder in folders:
        folder.chmod(0o755)


def test_a_read_only_installation_without_a_home_evaluates_and_draws(read_only, tmp_path):
    """As in a container; compiled functions are kept in the temporary folder."""
    site, user = read_only
    if user and not shutil.which(user[0]):
        pytest.skip("no setpriv: root may write everywhere")
    program = (
        "import os\nimport numpy as np\n"
        "from gluon_hash import environment; environment.set_caches()\n"
        "from gluon_hash.retrieval import CodeTable, curves\n"
        "from gluon_hash.plots import tsne\n"
        "labels = np.zeros((4, 1), np.int32)\n"
        "packed = np.arange(4, dtype=np.uint8)[:, None]\n"
        "query = CodeTable(np.arange(4), packed, labels, 8)\n"
        "database = CodeTable(np.arange(4) + 9, packed + 9, labels, 8)\n"
        "curves(query, database)\n"
        "print(environment.__file__, os.environ['MPLCONFIGDIR'])\n"
    )
    (tmp_path / "tmp").mkdir()
    words = {"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path / "tmp")}
    done = subprocess.run(
        [*user, sys.executable, "-c", program],
        env={**words, "HOME": str(site / "nobody")},
        cwd=site,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ours = tmp_path / "tmp" / f"gluon_hash-{os.getuid()}"
    where = site / "gluon_hash" / "environment.py"
    assert done.stdout == f"{where} {ours / 'matplotlib'}\n" and not done.stderr
    assert list(ours.rglob("*.nbi"))
