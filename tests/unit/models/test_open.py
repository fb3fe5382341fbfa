"""Which format opens what, and what is said when none does."""

import pytest
import torch

from olmoearth_core import load_model, save_model
from olmoearth_core.errors import CheckpointError

BROKEN = "import not_there"
RAISING = """
from olmoearth_core.interfaces.checkpoint import CheckpointFormat
class Format:
    layout, names, files = "nothing", (), ()
    def recognises(self, folder): raise RuntimeError("not my day")
    def resolve(self, name): raise RuntimeError("not my day")
    def open(self, folder, *, load_weights, remote): ...
def raising() -> CheckpointFormat:
    '''Fail always.'''
    return Format()
"""
ACME = """
from olmoearth_core.interfaces.checkpoint import CheckpointFormat, Remote
from olmoearth_core.models.card import ModelCard
from olmoearth_core.data.tokens import Tokenization
from torch import nn
class Format:
    layout, names, files = "acme.bin: an acme model", ("acme-large",), ("acme.bin",)
    def recognises(self, folder): return (folder / "acme.bin").is_file()
    def resolve(self, name): return Remote("acme/large", ("*.json",), ("acme.bin",)) if name == "acme-large" else None
    def open(self, folder, *, load_weights, remote):
        card = ModelCard(title="acme", format="", specs=(), tokenization=Tokenization(), model={}, band_gap="zero_band")
        return nn.Linear(1, 1), card
def acme() -> CheckpointFormat:
    '''Open acme models.'''
    return Format()
"""


@pytest.fixture
def neighbours(install):
    """Install a format that cannot be imported, one that raises, and one that works."""
    group = "olmoearth_checkpoint_formats"
    install("aaa-broken", "cf_broken", BROKEN, **{group: {"aaa-broken.x.v1": "cf_broken:x"}})
    install("aaa-raising", "cf_raising", RAISING, **{group: {"aaa-raising.x.v1": "cf_raising:raising"}})
    install("acme", "cf_acme", ACME, **{group: {"acme.format.v1": "cf_acme:acme"}})


def test_a_package_can_teach_load_model_another_layout(neighbours, tmp_path):
    (tmp_path / "acme.bin").touch()
    model = load_model(tmp_path)
    assert (model.card.title, model.card.format, model.training) == ("acme", "acme.format.v1", False)


def test_formats_that_fail_do_not_stop_the_others(neighbours, small, tmp_path):
    assert load_model(save_model(small, tmp_path / "package")).card.title == "small"


def test_their_errors_are_told_when_nobody_else_knows_the_folder(neighbours, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "what.txt").touch()
    with pytest.raises(CheckpointError) as error:
        load_model(tmp_path / "there")
    told = str(error.value)
    assert "found what.txt, expected one of" in told
    assert "acme.format.v1: acme.bin: an acme model" in told
    assert "olmoearth.package.v1: package.json" in told
    assert "aaa-broken.x.v1 (aaa-broken 1.0) could not be asked" in told
    assert "No module named 'not_there'" in told
    assert "aaa-raising.x.v1 (aaa-raising 1.0) could not be asked: not my day" in told


def test_a_name_nearly_right_is_answered_with_the_name_meant(neighbours):
    with pytest.raises(CheckpointError, match=r'(?s)found no such folder.*Did you mean "acme-large"\?.*not my day'):
        load_model("acme-lagre")


def test_a_name_far_from_any_lists_them(tmp_path):
    with pytest.raises(CheckpointError, match=r"Names: OlmoEarth-v1-Nano, .*OlmoEarth-v1_3-Base"):
        load_model(tmp_path / "zzz")


def test_a_file_is_answered_with_its_folder(small, tmp_path):
    folder = save_model(small, tmp_path / "package")
    with pytest.raises(CheckpointError, match=f"found a file, expected the folder it lies in: {folder}"):
        load_model(folder / "model.safetensors")


def test_a_model_goes_where_it_is_asked_to(small, tmp_path):
    assert load_model(save_model(small, tmp_path / "package"), device="meta").encoder.norm.weight.is_meta


def test_modalities_that_are_no_inputs_are_left_aside_until_they_are_let_in(make, tmp_path, batch):
    from olmoearth_core import Batch

    model = load_model(save_model(make(input_modalities=("sentinel2_l2a", "sentinel1")), tmp_path / "package"))
    maps = torch.full((2, 8, 8, 1, 1), 0.3)
    shapes = {"sentinel2_l2a": (2, 2, 2, 3, 3), "sentinel1": (2, 2, 2, 3, 1), "worldcover": (2, 2, 2, 1, 1)}
    masks = {name: torch.zeros(shape, dtype=torch.int8) for name, shape in shapes.items()}
    whole = Batch({**batch.arrays, "worldcover": maps}, masks, batch.timestamps)
    plain = Batch(batch.arrays, {n: masks[n] for n in batch.arrays}, batch.timestamps)
    with torch.no_grad():
        assert torch.equal(model.encoder(whole, patch_size=4).pooled, model.encoder(plain, patch_size=4).pooled)
        model.encoder.input_modalities = None
        assert not torch.equal(model.encoder(whole, patch_size=4).pooled, model.encoder(plain, patch_size=4).pooled)
