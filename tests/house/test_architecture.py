"""The rules that keep the house in order: direction of imports, sizes, no code from data."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARY = sorted((ROOT / "gluon_hash").rglob("*.py"))
OUTSIDE = sorted(
    [
        *(ROOT / "tests").rglob("*.py"),
        *(ROOT / "tools").glob("*.py"),
        *(ROOT / "symbols").rglob("*.py"),
    ]
)
FOUNDATION = [
    "errors",
    "leftovers",
    "signals",
    "disks",
    "files",
    "guard",
    "locks",
    "progress",
    "resources",
    "xz_blocks",
    "archives",
    "arrays",
    "lazy",
    "environment",
    "compiling",
    "launch",
    "compatibility",
    "parameter_server",
    "engine",
    "doctor",
]
ORDER = [
    "hierarchy",
    "records",
    "datasets",
    "nets",
    "losses",
    "methods",
    "training",
    "retrieval",
    "deploy",
    "plots",
    "report",
    "serve",
]
TOP = ["experiment", "cli", "__main__"]  # each may import those before it
WITHOUT_MXNET = ["hierarchy", "retrieval", "plots", "serve", "report"]

FILE_LINES, FUNCTION_LINES = 300, 45
# each has an Unpickler that refuses every global but tensors, arrays and dictionaries
UNPICKLERS = ("gluon_hash/nets/pretrained/torch_files.py", "gluon_hash/datasets/cifar_python.py")
MACHINE_PATH = re.compile(r"(?<![\w.>}])/(?:work|home|root|Users)/\w")


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def modules_imported(tree):
    """Every module that a file names in an import, at its top or inside a function, with the
    line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield ("." * node.level + (node.module or ""), node.lineno)
            if node.module == "gluon_hash" and not node.level:
                yield from ((f"gluon_hash.{alias.name}", node.lineno) for alias in node.names)


def may_import(part):
    """The parts of gluon_hash that part may import besides itself."""
    if part in FOUNDATION:
        return FOUNDATION
    if part in ORDER:
        return FOUNDATION + ORDER[: ORDER.index(part)]
    return FOUNDATION + ORDER + TOP[: TOP.index(part)]


def wrong_directions(part, tree):
    """Imports of a part that must not be imported there: (line, module)."""
    for module, line in modules_imported(tree):
        if module.startswith("."):
            yield line, module
        elif module.startswith("gluon_hash."):
            other = module.split(".")[1]
            if (
                other in FOUNDATION + ORDER + TOP
                and other != part
                and other not in may_import(part)
            ):
                yield line, module


def imports_when_loaded(tree):
    """Top-level names of the packages that a file imports outside of functions (TYPE_CHECKING
    blocks aside)."""
    nodes = list(tree.body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (module.split(".")[0] for module, _ in modules_imported(node))
        nodes.extend(ast.iter_child_nodes(node))


def dangers(tree):
    """Ways to run code that comes from data or text: (line, what)."""
    for module, line in modules_imported(tree):
        if module.split(".")[0] in ("pickle", "cPickle", "dill", "joblib", "marshal", "shelve"):
            yield line, f"import {module}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in ("eval", "exec"):
            yield node.lineno, node.func.id
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle" and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            ):
                yield node.lineno, "allow_pickle"
            if keyword.arg == "shell" and not (
                isinstance(keyword.value, ast.Constant) and not keyword.value.value
            ):
                yield node.lineno, "shell=True"


def too_long(tree):
    return [
        (node.lineno, node.name)
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and code_lines(node) > FUNCTION_LINES
    ]


def code_lines(function):
    """Lines of a function's body without its docstring."""
    body = function.body[ast.get_docstring(function) is not None :]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", LIBRARY, ids=name_of)
class TestLibrary:
    def test_imports_point_one_way(self, path):
        part = path.relative_to(ROOT / "gluon_hash").parts[0].replace(".py", "")
        if part != "__init__":
            assert not list(wrong_directions(part, ast.parse(path.read_text())))

    def test_nothing_imports_the_folders_beside_the_library(self, path):
        imported = {
            module.split(".")[0] for module, _ in modules_imported(ast.parse(path.read_text()))
        }
        assert not imported & {"tools", "symbols", "data", "tests"}

    def test_mxnet_free_packages_do_not_import_it(self, path):
        part = path.relative_to(ROOT / "gluon_hash").parts[0]
        if part in WITHOUT_MXNET:
            imported = {
                module.split(".")[0] for module, _ in modules_imported(ast.parse(path.read_text()))
            }
            assert not imported & {"mxnet", "gluoncv"}

    def test_cv2_is_never_imported(self, path):
        """Its wheel needs libGL, which fresh machines lack; so do the parts of MXNet that use
        it."""
        text = path.read_text()
        assert "cv2" not in {
            module.split(".")[0] for module, _ in modules_imported(ast.parse(text))
        }
        assert not re.search(r"recordio\.(un)?pack_img|mx\.image\.", text)

    def test_no_code_comes_from_data(self, path):
        found = list(dangers(ast.parse(path.read_text())))
        if name_of(path) in UNPICKLERS:
            found = [(line, what) for line, what in found if what != "import pickle"]
        assert not found

    def test_the_source_is_read_by_python_3_10(self, path):
        text = path.read_text()
        if path.name not in ("__init__.py", "__main__.py"):
            assert "from __future__ import annotations" in text
        ast.parse(text, feature_version=(3, 10))

    def test_a_top_module_is_imported_by_nothing_below(self, path):
        part = path.relative_to(ROOT / "gluon_hash").parts[0].replace(".py", "")
        if part in FOUNDATION and part != "engine":
            loaded = set(imports_when_loaded(ast.parse(path.read_text())))
            assert not loaded & {"mxnet", "gluoncv", "typer", "pydantic"}


@pytest.mark.parametrize("path", LIBRARY + OUTSIDE, ids=name_of)
class TestEveryFile:
    def test_says_first_what_it_is_for(self, path):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree) and tree.body[0].lineno == 1

    def test_stays_small(self, path):
        text = path.read_text()
        assert len(text.splitlines()) <= FILE_LINES
        assert not too_long(ast.parse(text))


def test_no_path_of_a_machine_in_the_repository():
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    tracked = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z"], capture_output=True, text=True, check=True
    )
    found = []
    for name in filter(None, tracked.stdout.split("\0")):
        try:
            lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        except (
            UnicodeDecodeError,
            FileNotFoundError,
        ):  # an image; a file deleted but not yet committed
            continue
        found += [
            f"{name}:{number}"
            for number, line in enumerate(lines, start=1)
            if MACHINE_PATH.search(line)
        ]
    assert not found


@pytest.mark.parametrize(
    "part, line, wrong",
    [
        ("hierarchy", "from gluon_hash.errors import DataError", False),
        ("hierarchy", "from gluon_hash.records.lists import read_list", True),
        ("records", "from gluon_hash import hierarchy", False),
        ("retrieval", "def f():\n    from gluon_hash import plots", True),
        ("training", "from gluon_hash.experiment.settings.config import Config", True),
        ("cli", "from gluon_hash.experiment.settings.config import Config", False),
        ("experiment", "import gluon_hash.cli.app", True),
        ("engine", "from gluon_hash.hierarchy import Hierarchy", True),
        ("nets", "from .weights import load_backbone", True),
    ],
)
def test_the_direction_rule_finds_what_it_should(part, line, wrong):
    assert bool(list(wrong_directions(part, ast.parse(line)))) == wrong


@pytest.mark.parametrize(
    "code, wrong",
    [
        ("import pickle", True),
        ("from joblib import load", True),
        ("eval(text)", True),
        ("model.eval()", False),
        ("np.load(path, allow_pickle=True)", True),
        ("np.load(path, allow_pickle=flag)", True),
        ("np.load(path, allow_pickle=False)", False),
        ("subprocess.run(line, shell=True)", True),
        ("subprocess.run(words)", False),
    ],
)
def test_the_danger_rule_finds_what_it_should(code, wrong):
    assert bool(list(dangers(ast.parse(code)))) == wrong


def test_machine_paths_are_told_from_addresses():
    assert MACHINE_PATH.search("data in /" + "home/someone/data") and MACHINE_PATH.search(
        '"/' + 'root/x"'
    )
    assert not MACHINE_PATH.search(
        "https://example.org/" + "home/page"
    ) and not MACHINE_PATH.search("../" + "work/x")
