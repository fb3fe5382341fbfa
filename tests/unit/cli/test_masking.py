"""`olmoearth masking show` without data: counts, panels, the file, and what users get wrong."""

from pathlib import Path

import numpy as np
import pytest

from olmoearth_core.cli.main import main
from olmoearth_core.cli.masking import table
from olmoearth_core.data import mask_picture
from olmoearth_core.data.mask_example import Example, made_up, rows
from olmoearth_core.data.mask_picture import MEANING, Sheet
from olmoearth_core.data.tokens import Tokenization
from olmoearth_core.errors import DataError
from olmoearth_core.testing.samples import presence, specs

NANO = str(Path(__file__).parents[3] / "configs" / "v1_2" / "nano.cfg")
CORNERS = """
import torch
class Corners:
    def __init__(self, code): self.code = code
    def mask(self, present, specs, draw):
        return {n: torch.where(p, self.code, 3).to(torch.int8) for n, p in present.items()}
def corners(*, code: int = 2):
    '''Give every token one code.

    code: this one.
    '''
    return Corners(code)
"""


def run(*words):
    with pytest.raises(SystemExit) as end:
        raise SystemExit(main(("masking", "show", *map(str, words))))
    return end.value.code


@pytest.fixture
def example():
    """Two views of random codes over modalities of all four kinds."""
    rng = np.random.default_rng(0)
    masks = [{n: rng.integers(0, 4, p.shape[1:]).astype(np.int8) for n, p in presence().items()} for _ in range(2)]
    return Example("", 4, tuple(masks), tuple((month, 2021) for month in range(5)))


def test_the_counts_of_the_table_are_those_of_the_masks(example):
    lines = [line.split() for line in table(list(rows(example, specs(), Tokenization())))]
    for view, masks in enumerate(example.views, 1):
        for spec in specs():
            printed = np.array([line[-5:] for line in lines if line[:2] == [str(view), spec.name]], int).sum(0)
            assert printed.tolist() == [*((masks[spec.name] == code).sum() for code in MEANING), masks[spec.name].size]
        everything = np.concatenate([mask.ravel() for mask in masks.values()])
        (total,) = (line[-5:] for line in lines if line[:2] == [str(view), "all"])
        assert list(map(int, total)) == [*((everything == code).sum() for code in MEANING), everything.size]


def test_the_picture_has_one_panel_per_month_of_each_band_group_and_no_two_on_one_place(example):
    sheet = Sheet("t", (), example.dates, tuple(rows(example, specs(), Tokenization())))
    panels = sheet.panels()
    images, fields, series, facts = 2 * 5, 1, 5, 1
    assert len(panels) == 2 * (images + fields + series + facts)
    assert len({(p.view, p.left, p.top) for p in panels}) == len(panels)
    assert sum(p.codes.size for p in panels) == sum(m.size for masks in example.views for m in masks.values())


def test_a_panel_shows_the_patches_of_its_month_and_group(example):
    sheet = Sheet("t", (), example.dates, tuple(rows(example, specs(), Tokenization())))
    of_view_2 = [p for p in sheet.panels() if p.view == 2]
    assert np.array_equal(of_view_2[5 + 3].codes, example.views[1]["check_images"][:, :, 3, 1])


def test_the_picture_is_a_png_and_nothing_is_left_beside_it(tmp_path, example):
    pytest.importorskip("matplotlib")
    mask_picture.draw(tmp_path / "a.png", Sheet("t", (), example.dates, tuple(rows(example, specs(), Tokenization()))))
    assert (tmp_path / "a.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_a_made_up_sample_is_whole_and_repeats_itself():
    def made(sample):
        return made_up(specs(), (None,), Tokenization(), patch_size=4, seed=1, sample=sample).views[0]

    assert {name: mask.shape for name, mask in made(0).items()} == {
        "check_images": (4, 4, 12, 2), "check_map": (4, 4, 1, 1), "check_series": (12, 1), "check_facts": (1,),
    }  # fmt: skip
    assert not any(mask.any() for mask in made(0).values())
    with pytest.raises(DataError, match="samples from 0"):
        made(-1)


def test_a_strategy_of_another_package_is_drawn_when_an_override_names_it(install, tmp_path, capsys):
    install("acme", "acme_corners", CORNERS, olmoearth_maskings={"acme.corners.v1": "acme_corners:corners"})
    words = (NANO, "--simulated", f"--out={tmp_path / 'a.png'}", "--train_module.masking.@maskings=acme.corners.v1")
    assert run(*words, "--train_module.masking.code=1") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "acme.corners.v1"
    assert "made-up" in said[1]
    assert said[2] == "code = 1"
    (total,) = (line.split() for line in said if line.startswith("1     all"))
    assert total[2:4] == ["0", "0"]
    assert total[4] == total[6] != "0"


def test_without_matplotlib_the_table_is_printed_and_the_error_says_what_to_install(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(mask_picture, "find_spec", lambda name: None)
    assert run(NANO, "--simulated", f"--out={tmp_path / 'a.png'}") == 2
    said = capsys.readouterr()
    assert "encoded" in said.out
    assert "pip install matplotlib" in said.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--dataset.h5py_dir=nowhere/h5",), "--simulated"),
        (("--simulated", "--sample=-1"), "samples from 0"),
        (("--simulated", "--step=0"), "steps count from 1"),
        (("--simulated", "--out=a.jpg"), "ends in .png"),
        (("--simulated", "--out=nowhere/a.png"), "no folder nowhere"),
        (("--simulated", "--train_module.masking.encode_ration=1"), "Did you mean"),
        (("--simulated", "--train_module.masking.@maskings=masking.random_time_with_decod.v1"), "Did you mean"),
    ],
)
def test_a_mistake_ends_with_code_2_and_says_what_to_do(words, told, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(NANO, *words) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
