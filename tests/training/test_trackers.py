"""Trackers, with stand-ins for their packages: names and steps, resuming, failing, missing."""

import sys
from types import SimpleNamespace

import pytest
from training_cases import make, train

from gluon_hash.errors import MissingPackageError
from gluon_hash.training.trackers import MLflow, TensorBoard, WandB, run_id

SETTINGS = {"net": {"num_bits": 16}, "data": {"root": "d"}}


@pytest.fixture
def board(monkeypatch):
    """A stand-in of tensorboardX: every call of every writer."""
    calls = []

    class SummaryWriter:
        def __init__(self, folder, purge_step):
            calls.append(("open", folder, purge_step))

        def add_text(self, name, text):
            calls.append(("text", name, text))

        def add_scalar(self, name, value, step):
            calls.append((name, value, step))

        def close(self):
            calls.append(("close",))

    monkeypatch.setitem(sys.modules, "tensorboardX", SimpleNamespace(SummaryWriter=SummaryWriter))
    return calls


class Server:
    """A stand-in of mlflow with one experiment."""

    def __init__(self):
        self.runs, self.metrics, self.parameters = {}, [], {}
        self.entities = SimpleNamespace(Metric=lambda *values: values)

    def MlflowClient(self, tracking_uri):  # noqa: N802
        if tracking_uri == "nowhere":
            raise ConnectionError("no such\nserver")
        return self

    def get_experiment_by_name(self, name):
        return None

    def create_experiment(self, name):
        return "7"

    def search_runs(self, numbers, words):
        found = [key for key, run in self.runs.items() if f"'{run['tag']}'" in words]
        return [SimpleNamespace(info=SimpleNamespace(run_id=key)) for key in found]

    def create_run(self, number, tags, run_name):
        key = f"{run_name}-{len(self.runs)}"
        self.runs[key] = {"tag": next(iter(tags.values())), "status": "RUNNING"}
        return SimpleNamespace(info=SimpleNamespace(run_id=key))

    def update_run(self, key, status):
        self.runs[key]["status"] = status

    set_terminated = update_run

    def log_param(self, key, name, value):
        self.parameters[name] = value

    def log_batch(self, key, metrics):
        self.metrics += metrics


@pytest.fixture
def server(monkeypatch):
    server = Server()
    monkeypatch.setitem(sys.modules, "mlflow", server)
    return server


def test_tensorboard_gets_steps_and_epochs_and_goes_on_where_it_was(tmp_path, board):
    folder = tmp_path / "run"
    validate = {"validate": lambda: {"map": 0.5}, "monitor": "map"}
    tracker = TensorBoard(tmp_path / "tb")
    _, log = train(make(), folder, 2, callbacks=[tracker], settings=SETTINGS, **validate)
    assert board[0] == ("open", str(tmp_path / "tb" / "run"), None)
    assert board[1][:2] == ("text", "configuration") and '"num_bits": 16' in board[1][2]
    written = {(name, step): value for name, value, step in board[2:-1]}
    for number, line in enumerate(log, start=1):  # 6 batches an epoch
        assert written["train/loss", 6 * number] == line["loss"]
        assert written["epoch/center_shift", 6 * number] == line["center_shift"]
        assert written["validation/map", 6 * number] == 0.5
        assert ("terms/cubic", 6 * number) in written
    assert board[-1] == ("close",)
    board.clear()
    train(make(), folder, 3, callbacks=[tracker], settings=SETTINGS, **validate)
    assert board[0][2] == 13  # what was written after 12 steps is overwritten
    assert {step for _, _, step in board[1:-1]} == {18}


def test_mlflow_gets_one_run_that_is_resumed(tmp_path, server):
    train(make(), tmp_path / "run", 1, callbacks=[MLflow("there")], settings=SETTINGS)
    assert server.runs == {"run-0": {"tag": run_id(tmp_path / "run"), "status": "FINISHED"}}
    assert server.parameters == {"net.num_bits": "16", "data.root": "d"}
    train(make(), tmp_path / "run", 2, callbacks=[MLflow("there")], settings=SETTINGS)
    assert list(server.runs) == ["run-0"]
    assert {step for name, _, _, step in server.metrics if name == "epoch/loss"} == {6, 12}


def test_a_training_that_fails_is_not_finished_there(tmp_path, server):
    def stop():
        raise KeyError

    with pytest.raises(KeyError):
        train(make(stop=(0, 2, stop)), tmp_path / "run", 1, callbacks=[MLflow("there")])
    assert server.runs["run-0"]["status"] == "KILLED"


def test_wandb_gets_an_id_that_stays(tmp_path, monkeypatch):
    opened, logged, ended = [], [], []

    def init(**given):
        opened.append(given)
        return SimpleNamespace(
            log=lambda values, step: logged.append((values, step)),
            finish=lambda exit_code: ended.append(exit_code),
        )

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=init))
    for epochs in (1, 2):
        train(make(), tmp_path / "run", epochs, callbacks=[WandB("p")], settings=SETTINGS)
    assert opened[0] == opened[1] and opened[0]["resume"] == "allow"
    assert (opened[0]["project"], opened[0]["name"]) == ("p", "run")
    assert opened[0]["config"] == SETTINGS and ended == [0, 0]
    assert [step for _, step in logged] == [6, 6, 12, 12]  # steps never go back


def test_a_tracker_that_fails_is_left_and_the_training_goes_on(tmp_path, board, capsys):
    tracker, told = TensorBoard(tmp_path / "tb"), []

    def fail(values, step):
        told.append(step)
        raise OSError("the disk\nis full")

    tracker.write = fail
    _, log = train(make(), tmp_path / "run", 3, callbacks=[tracker])
    assert len(log) == 3 and len(told) == 1  # it is not asked again
    said = capsys.readouterr().err
    assert said.count("warning: TensorBoard: the disk is full; the training goes on") == 1


def test_an_address_that_is_wrong_is_said_before_the_training(server):
    with pytest.raises(ValueError, match="MLflow at nowhere: no such server"):
        MLflow("nowhere")


@pytest.mark.parametrize(
    ("make_one", "module"),
    [(TensorBoard, "tensorboardX"), (MLflow, "mlflow"), (WandB, "wandb")],
)
def test_a_package_that_is_missing_is_named(make_one, module, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackageError, match=f"{module} is not installed: pip install"):
        make_one(str(tmp_path))


def test_the_command_says_it_before_it_reads_anything(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "wandb", None)
    code, _, err = run("train", "--data", tmp_path, "--out", tmp_path / "r", "--wandb", "p")
    assert code == 2 and "gluon_hash[wandb]" in err and not (tmp_path / "r").exists()
