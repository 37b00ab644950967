"""What a configuration may say, as tables: made from the fields, and what docs/ has."""

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from gluon_hash.experiment import Config, load_config
from gluon_hash.experiment.settings import describe
from gluon_hash.methods import METHODS, Method, OrthoHash

DOCS = Path(__file__).parents[2] / "docs"


def rows(table):
    """The cells of the rows of Markdown tables, their headings and rules left out."""
    cut = [line[2:-2].split(" | ") for line in table.splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in cells] for cells in cut]


def test_the_page_holds_the_keys_that_the_command_prints():
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    assert (
        page.split("<!-- gluon-hash config keys -->\n")[1].strip() == describe.configuration_table()
    )


def test_the_example_of_the_page_is_a_configuration(tmp_path):
    page = (DOCS / "configuration.md").read_text(encoding="utf-8")
    (tmp_path / "example.yaml").write_text(page.split("```yaml\n")[1].split("```")[0])
    config = load_config(tmp_path / "example.yaml")
    assert config.loss == OrthoHash(targets="tree") and config.optimizer.name == "adam"


@pytest.mark.parametrize(
    "command, table",
    [("methods", describe.methods_table), ("keys", describe.configuration_table)],
)
def test_the_commands_print_the_tables(run, command, table):
    assert run("config", command) == (0, table() + "\n", "")


def test_every_key_of_every_section_has_its_row():
    keys = [row[0].strip("`") for row in rows(describe.configuration_table())]
    expected = [
        f"{section}.{key}"
        for section, field in Config.model_fields.items()
        for key in (["name"] if section == "loss" else field.annotation.model_fields)
    ]
    assert keys == expected


def test_every_setting_of_every_method_has_its_row():
    settings = [(row[0].strip("`"), row[1].strip("`")) for row in rows(describe.methods_table())]
    assert settings == [
        (name, setting)
        for name, method in METHODS.items()
        for setting in (list(method.model_fields)[1:] or ["none"])  # but its name
    ]


def test_rows_say_type_bounds_default_and_meaning():
    table = {row[0].strip("`"): row[1:] for row in rows(describe.configuration_table())}
    assert table["data.root"][:2] == ["text", "required"]
    assert table["optimizer.momentum"][:2] == ["number >= 0, < 1", "`0.9`"]
    assert table["optimizer.clip_gradient_norm"][:2] == ["number > 0 or null", "`null`"]
    assert table["training.seed"][:2] == ["whole number >= 0, < 4294967296", "`24`"]
    assert table["transform.mean"][:2] == ["list of 3 numbers", "`[0.485, 0.456, 0.406]`"]
    assert table["optimizer.milestones"][:2] == ["list of whole numbers", "`[50, 100]`"]
    assert table["net.head"][:2] == ["`linear`, `mlp` or `soft_trees`", "`linear`"]
    assert table["data.held_out"][:2] == ["true or false", "`true`"]
    assert table["loss.name"][:2] == ["name of a method", "`hpdh`"]
    assert all(len(cells) == 3 and cells[2] for cells in table.values())


def test_a_method_from_outside_is_described_too(monkeypatch):
    class Mine(Method):
        name: Literal["mine"] = "mine"
        pull: float = Field(0.5, gt=0, description="of |u|")

    monkeypatch.setitem(METHODS, "mine", Mine)
    assert ["`mine`", "`pull`", "number > 0", "`0.5`", r"of \|u\|"] in rows(
        describe.methods_table()
    )


def test_a_field_without_description_is_found(monkeypatch):
    class Silent(Method):
        name: Literal["silent"] = "silent"
        pull: float = 0.5

    monkeypatch.setitem(METHODS, "silent", Silent)
    with pytest.raises(ValueError, match=r"silent\.pull: its field has no description"):
        describe.methods_table()
