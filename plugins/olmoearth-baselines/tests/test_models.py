"""Every wrapper feeds its model in its own bands and units, seen through stand-ins for the packages.

The same wrappers were run with the real packages and random weights; test_real_packages.py does it again where they
are installed.
"""

import importlib.util
import sys
from pathlib import Path

import pytest
import torch
from olmoearth_baselines import clay, croma, dinov3, dofa, panopticon, prithvi, satlas, terramind

from olmoearth_core import modalities
from olmoearth_core.errors import CheckpointError, ConfigError
from olmoearth_core.interfaces.wrapper import Wish

CPU = torch.device("cpu")
MAKERS = {
    "prithvi": prithvi.prithvi, "terramind": terramind.terramind, "clay": clay.clay, "satlas": satlas.satlas,
    "dofa": dofa.dofa, "croma": croma.croma, "panopticon": panopticon.panopticon, "dinov3": dinov3.dinov3,
}  # fmt: skip


def _load(name):
    spec = importlib.util.spec_from_file_location(f"baselines_{name}", Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


stand_ins = _load("stand_ins")


@pytest.fixture
def opened(monkeypatch):
    """Return a function that opens a wrapper over the stand-in of its package: (wrapper, embedder, maker)."""

    def open_(name, **given):
        found, make = stand_ins.modules(name)
        for module, stand_in in found.items():
            monkeypatch.setitem(sys.modules, module, stand_in)
        wrapper = MAKERS[name](**{"pretrained": False, **given})
        return wrapper, wrapper.open(device=CPU), make

    return open_


def number(spec, band):
    """Return a value that no other band has."""
    place = spec.band_order.index(band) + 1
    return -5.0 - place if spec.name == "sentinel1" else 5000.0 + 100 * place


@pytest.mark.parametrize("name", MAKERS)
def test_bands_reach_the_model_in_its_order_and_at_its_scale(name, opened, batch):
    wrapper, embedder, _ = opened(name)
    for modality, given in wrapper.needs.inputs.items():
        (spec,) = modalities([modality])
        features = embedder.embed(batch([modality], number), Wish(4))
        raw = torch.tensor([number(spec, band) for band in given.bands])[None, :, None, None]
        sensor = embedder.sensor if name == "prithvi" else embedder.sensors[modality]
        assert sensor.bands == given.bands
        assert torch.allclose(features[:, : len(given.bands)], sensor.scale(raw).flatten(), atol=1e-4)
        assert not features[:, len(given.bands) :].any()


@pytest.mark.parametrize("name", MAKERS)
def test_features_have_the_promised_width_on_the_grid_of_the_task(name, opened, batch):
    wrapper, embedder, _ = opened(name)
    made = batch(list(wrapper.needs.inputs), number)
    assert embedder.embed(made, Wish(4)).shape == (2, embedder.width)
    for pooling in ("mean", "max"):
        assert embedder.embed(made, Wish(2, grid=True, pooling=pooling)).shape == (2, 4, 4, embedder.width)
    assert embedder.embed(made, Wish(4, pooling="center")).shape == (2, embedder.width)


@pytest.mark.parametrize("name", MAKERS)
def test_without_its_package_the_message_says_what_to_install_and_whose_weights_they_are(name, monkeypatch):
    found, _ = stand_ins.modules(name)
    for module in found:
        monkeypatch.setitem(sys.modules, module, None)
    wrapper = MAKERS[name]()
    with pytest.raises(CheckpointError) as error:
        wrapper.open(device=CPU)
    text = str(error.value)
    assert "pip install 'olmoearth-baselines[" in text
    assert wrapper.licence in text
    assert wrapper.source in text


def test_weights_that_cannot_be_had_are_said_to_be_missing(opened, monkeypatch):
    opened("prithvi")

    def offline(*names, **given):
        raise OSError("no route to host")

    monkeypatch.setattr(sys.modules["terratorch.registry"].BACKBONE_REGISTRY, "build", offline)
    with pytest.raises(CheckpointError, match=r"no route to host.*download cache.*Apache-2\.0"):
        prithvi.prithvi().open(device=CPU)


def test_prithvi_asks_for_its_bands_by_name_and_takes_the_narrow_near_infrared(opened):
    wrapper, _, make = opened("prithvi", size="600m")
    assert wrapper.needs.inputs["sentinel2_l2a"].bands == ("B02", "B03", "B04", "B8A", "B11", "B12")
    assert make.asked["name"] == "prithvi_eo_v2_600"
    assert make.asked["bands"] == ["BLUE", "GREEN", "RED", "NIR_NARROW", "SWIR_1", "SWIR_2"]


def test_terramind_sees_radar_and_optical_images_of_one_date_together(opened, batch):
    _, embedder, make = opened("terramind")
    embedder.embed(batch(["sentinel2_l2a", "sentinel1"]), Wish(4))
    assert make.asked == {"name": "terramind_v1_base", "pretrained": False, "modalities": ["S2L2A", "S1RTC"]}
    assert make.model.names == ["S1RTC", "S2L2A"]


def test_clay_is_told_wavelengths_pixel_size_and_week(opened, batch):
    _, embedder, make = opened("clay")
    embedder.embed(batch(["landsat"], steps=1), Wish(4))
    cube = make.model.cube
    assert cube["waves"].tolist() == pytest.approx([0.65, 0.56, 0.48, 0.86, 1.6, 2.2])
    assert cube["gsd"].item() == 30
    angle = torch.tensor(3 * 2 * torch.pi / 52)
    assert torch.allclose(cube["time"], torch.tensor([angle.sin(), angle.cos(), 0.0, 0.0]).expand(2, 4))
    assert not cube["latlon"].any()


def test_a_clay_checkpoint_of_another_model_is_refused(opened, tmp_path):
    torch.save({"state_dict": {"head.weight": torch.zeros(2)}}, tmp_path / "clay.ckpt")
    with pytest.raises(CheckpointError, match="no weights called"):
        opened("clay", pretrained=True, weights=str(tmp_path / "clay.ckpt"))


def test_dofa_is_told_wavelengths_in_micrometres(opened, batch):
    _, embedder, make = opened("dofa")
    embedder.embed(batch(["sentinel2_l2a"]), Wish(4))
    assert make.model.waves.tolist() == pytest.approx([0.665, 0.56, 0.49, 0.705, 0.74, 0.783, 0.842, 1.61, 2.19])


def test_panopticon_knows_channels_by_wavelength_and_polarisation():
    radar, landsat = modalities(["sentinel1", "landsat"])
    assert panopticon.channel_ids(radar, ("vv", "vh")) == (-1.0, -2.0)
    assert panopticon.channel_ids(landsat, ("B4", "B8")) == (654.59, 589.5)


def test_satlas_has_weights_for_each_sensor():
    assert satlas.satlas().source.endswith("(Sentinel2_SwinB_SI_MS)")
    assert satlas.satlas(size="tiny").source.endswith("(Sentinel2_SwinT_SI_MS)")
    assert satlas.satlas(modality="landsat").source.endswith("(Landsat_SwinB_SI)")
    with pytest.raises(ConfigError, match="no weights of size"):
        satlas.satlas(modality="landsat", size="tiny")


def test_dinov3_from_satellite_images_is_large():
    assert dinov3.dinov3().source.endswith("vit_large_patch16_dinov3.sat493m")
    with pytest.raises(ConfigError, match='no weights of size "small"'):
        dinov3.dinov3(size="small")
