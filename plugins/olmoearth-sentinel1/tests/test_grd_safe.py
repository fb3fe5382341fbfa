"""GRD products: backscatter as computed by hand, its place on the ground, and what is refused."""

import pickle
import shutil
import zipfile

import numpy as np
import pytest
import rasterio
from olmoearth_sentinel1 import grd
from olmoearth_sentinel1.grd_safe import grd_safe
from rasterio.transform import Affine
from rasterio.warp import transform as to_crs

from olmoearth_core import modalities
from olmoearth_core.errors import ConfigError, DataError, OtherModality
from olmoearth_core.readers.contract import check


def test_it_is_refused_with_the_reason_until_that_is_accepted(product, spec):
    reader = grd_safe()
    assert reader.recognises(str(product))
    with pytest.raises(DataError, match=r"C8B5\.SAFE: is ground range detected .* not terrain corrected: slopes"):
        reader.read(str(product), spec)
    assert grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(product), spec).shape == (1, 2, 21, 31)


# Line, pixel, DN of VV, A there. At line 5 and pixel 5: 150 and 300 at the vectors, a quarter of the way down.
BY_HAND = [(0, 10, 1010, 200), (0, 30, 1030, 400), (20, 30, 1230, 800), (10, 0, 1100, 150), (5, 5, 1055, 187.5),
           (10, 20, 1120, 450)]  # fmt: skip


@pytest.mark.parametrize(("line", "pixel", "dn", "amplitude"), BY_HAND)
def test_sigma0_is_the_square_of_dn_over_the_square_of_the_interpolated_table(
    product, spec, line, pixel, dn, amplitude
):
    sigma = grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(product), spec)
    assert sigma.values[0, :, line, pixel] == pytest.approx(
        [(dn / amplitude) ** 2, (dn // 2 / amplitude) ** 2], rel=1e-6
    )
    gamma = grd_safe(accept_uncorrected=True).read(str(product), spec, bands=["vv"])
    assert gamma.values[0, 0, line, pixel] == pytest.approx((10 * dn / amplitude) ** 2, rel=1e-6)
    assert (sigma.attrs["units"], gamma.attrs["units"]) == tuple(
        f"{name} linear power, not terrain corrected" for name in ("sigma0", "gamma0")
    )


def test_place_time_and_bands_are_those_of_the_annotation(product, spec):
    array = grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(product), spec)
    assert array.rio.crs.to_string() == "EPSG:32631"
    assert (float(array["x"][0]), float(array["y"][0])) == (500005, 5599995)
    assert (float(array["x"][-1]), float(array["y"][-1])) == (500305, 5599795)
    assert str(array["time"].values[0])[:23] == "2021-06-14T05:40:53.373"
    assert array["band"].values.tolist() == ["vv", "vh"]
    assert array.attrs["quantity"] == spec.quantity == "linear_power"
    check(array, spec)
    assert grd_safe().clear(str(product), spec) is None


def test_zero_is_nothing(product, spec):
    values = grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(product), spec).values
    nothing = np.zeros((21, 31), bool)
    nothing[:2, :3] = True
    assert np.array_equal(np.isnan(values[0, 0]), nothing)


@pytest.mark.parametrize("old", [False, True])
def test_noise_is_subtracted_from_the_square_of_dn_on_request(tmp_path, new_safe, spec, old):
    path = str(new_safe(tmp_path, old_noise=old))
    array = grd_safe(backscatter="sigma0", accept_uncorrected=True, remove_noise=True).read(path, spec)
    vv, vh = array.values[0, :, 20, 30]
    factor = 1 if old else 3
    assert vv == pytest.approx((1230**2 - factor * 40000) / 800**2, rel=1e-6)
    assert vh == pytest.approx((615**2 - factor * 40000) / 800**2, rel=1e-6)
    # Above line 10 nothing changes along azimuth; a third of the way along range.
    assert array.values[0, 0, 0, 10] == pytest.approx((1010**2 - 20000) / 200**2, rel=1e-6)


def test_what_is_below_the_noise_is_nothing(tmp_path, new_safe, spec):
    dark = np.full((21, 31), 100, np.uint16)
    path = str(new_safe(tmp_path, values=dark))
    values = grd_safe(backscatter="sigma0", accept_uncorrected=True, remove_noise=True).read(path, spec).values
    assert np.isnan(values).all()
    assert grd_safe(backscatter="sigma0", accept_uncorrected=True).read(path, spec).values[0, 0, 0, 0] == pytest.approx(
        1.0
    )


@pytest.mark.parametrize(
    ("crs", "left", "top", "zone"),
    [("EPSG:32631", 500000, 5600000, "EPSG:32631"), ("EPSG:32733", 430000, 8000000, "EPSG:32733"),
     ("EPSG:32601", 450000, 7200000, "EPSG:32601")],
)  # fmt: skip
def test_a_bright_point_of_a_turned_image_lies_where_it_is(tmp_path, new_safe, xml, spec, crs, left, top, zone):
    # As in a descending pass: turned by 12 degrees and mirrored, pixels going west.
    turn = np.radians(12)
    place = Affine(-10 * np.cos(turn), 10 * np.sin(turn), left, -10 * np.sin(turn), -10 * np.cos(turn), top)
    values = np.full((21, 31), 100, np.uint16)
    values[7, 19] = 20000
    path = str(new_safe(tmp_path, ties=xml["ties"](place, crs), values=values))
    array = grd_safe(backscatter="sigma0", accept_uncorrected=True).read(path, spec, bands=["vv"])
    assert array.rio.crs.to_string() == zone
    row, col = np.unravel_index(np.nanargmax(array.values[0, 0]), array.shape[2:])
    x, y = place @ (19.5, 7.5)
    # The nearest pixel of the map; half a diagonal is 7.1 m.
    assert np.hypot(float(array["x"][col]) - x, float(array["y"][row]) - y) < 7.1
    assert 300 < array.sizes["x"] * 10 < 400


def test_a_scene_across_the_antimeridian_is_not_as_wide_as_the_world(tmp_path, new_safe, xml, spec):
    (x,), (y,) = to_crs("EPSG:4326", "EPSG:32601", [-180.0], [65.0])
    ties = xml["ties"](Affine(10, 0, round(x, -1) - 160, 0, -10, round(y, -1)), "EPSG:32601")
    assert {lon > 0 for *_, lon in ties} == {True, False}
    array = grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(new_safe(tmp_path, ties=ties)), spec)
    assert array.rio.crs.to_string() in ("EPSG:32601", "EPSG:32660")
    assert max(array.shape[2:]) < 40
    assert np.isfinite(array.values[0, 0]).mean() > 0.6


def test_windows_and_blocks_give_what_the_whole_gives(product, spec, monkeypatch):
    reader = grd_safe(backscatter="sigma0", accept_uncorrected=True)
    whole = reader.read(str(product), spec).values
    lazy = reader.read(str(product), spec)
    assert np.array_equal(lazy[:, 1:, 3:17, 5:6].values, whole[:, 1:, 3:17, 5:6], equal_nan=True)
    assert np.array_equal(lazy[0, 0, ::-3, ::4].values, whole[0, 0, ::-3, ::4], equal_nan=True)
    monkeypatch.setattr(grd, "_BLOCK", 8)
    assert np.allclose(reader.read(str(product), spec).values, whole, rtol=1e-6, equal_nan=True)


def test_no_pixel_is_read_before_it_is_used(product, spec):
    array = grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(product), spec)
    image = next((product / "measurement").glob("*-vv-*"))
    image.unlink()
    with pytest.raises(DataError, match=r"-vv-.*: not found"):
        _ = array.values


def test_it_can_be_sent_to_another_process(product, spec):
    array = grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(product), spec)
    sent = pickle.loads(pickle.dumps(array))
    assert np.array_equal(sent.values, array.values, equal_nan=True)


def zipped(product, path, prefix=None, **more):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in product.rglob("*") if p.is_file()):
            archive.write(file, f"{product.name + '/' if prefix is None else prefix}{file.relative_to(product)}")
        for name, content in more.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("prefix", [None, ""])
def test_a_zip_is_read_in_place(product, spec, tmp_path, prefix):
    path = zipped(product, tmp_path / f"{product.name}.zip", prefix)
    reader = grd_safe(backscatter="sigma0", accept_uncorrected=True)
    expected = reader.read(str(product), spec).values
    shutil.rmtree(product)
    assert reader.recognises(str(path))
    assert np.array_equal(reader.read(str(path), spec).values, expected, equal_nan=True)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_names_that_leave_the_zip_are_never_followed(product, spec, tmp_path):
    evil = {"../../evil.tiff": "x", "/etc/evil": "x", f"{product.name}/measurement/../../evil.tiff": "x"}
    evil["../manifest.safe"] = "x"
    path = zipped(product, tmp_path / "a.zip", **evil)
    before = {p for p in tmp_path.rglob("*") if "evil" in p.name}
    array = grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(path), spec)
    assert np.isfinite(array.values[0, 0, 5, 5])
    assert {p for p in tmp_path.rglob("*") if "evil" in p.name} == before == set()


def test_only_the_bands_asked_for_must_be_sound(product, spec):
    next((product / "annotation").glob("*-vh-*")).unlink()
    reader = grd_safe(backscatter="sigma0", accept_uncorrected=True)
    assert reader.read(str(product), spec, bands=["vv"])["band"].values.tolist() == ["vv"]
    with pytest.raises(DataError, match="has no annotation of vh"):
        reader.read(str(product), spec)
    with pytest.raises(DataError, match="sentinel1 has no band hh"):
        reader.read(str(product), spec, bands=["hh"])


def test_other_modalities_and_options_are_refused(product):
    with pytest.raises(OtherModality, match="Sentinel-1 is the modality sentinel1, but worldcover"):
        grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(product), modalities(["worldcover"])[0])
    with pytest.raises(ConfigError, match='expected "sigma0" or "gamma0"'):
        grd_safe(backscatter="beta0")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("S1A_EW_GRDM_1SDH_20210614T054053_20210614T054118_038331_0485F3_C8B5.SAFE", r"mode EW \(extra wide swath\)"),
        ("S1A_IW_SLC__1SDV_20210614T054053_20210614T054118_038331_0485F3_C8B5.SAFE", "SLC .single-look complex"),
        ("S1A_IW_GRDH_1SDH_20210614T054053_20210614T054118_038331_0485F3_C8B5.SAFE", "HH and HV"),
        ("S1A_IW_GRDH_1SSV_20210614T054053_20210614T054118_038331_0485F3_C8B5.SAFE", r"polarisation is VV \(SV\)"),
    ],
)
def test_other_modes_types_and_polarisations_are_refused_by_name(product, spec, name, message):
    path = product.rename(product.parent / name)
    with pytest.raises(DataError, match=message):
        grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(path), spec)


def test_images_of_other_polarisations_are_refused_by_file(tmp_path, new_safe, spec):
    path = str(new_safe(tmp_path, name="renamed", channels=("hh", "hv")))
    with pytest.raises(DataError, match=r"its images are of polarisation HH, HV, expected GRD of IW with .* VV and VH"):
        grd_safe(backscatter="sigma0", accept_uncorrected=True).read(path, spec)


def first(product, pattern):
    return next(product.rglob(pattern))


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
# File, text in it, what it becomes, message.
FAULTS = [
    ("annotation/*-vv-*.xml", "<product>", f"{BOMB}<product>", "declares a document type"),
    ("calibration-*-vv-*", "<calibration>", '<!doctype x SYSTEM "file:///etc/passwd"><calibration>', "document type"),
    ("annotation/*-vv-*.xml", "</product>", "", "cannot be read as XML"),
    ("annotation/*-vv-*.xml", ">VV<", ">VH<", 'polarisation is "VH", expected "VV"'),
    ("calibration-*-vv-*", ">VV<", ">VH<", 'polarisation is "VH", expected "VV"'),
    ("annotation/*-vv-*.xml", ">IW</mode>", ">EW</mode>", 'mode is "EW"'),
    ("annotation/*-vv-*.xml", ">GRD<", ">SLC<", 'productType is "SLC"'),
    ("annotation/*-vv-*.xml", "2021-06-14T05:40:53.373000", "yesterday", 'startTime is "yesterday"'),
    ("annotation/*-vv-*.xml", "<numberOfLines>21<", "<numberOfLines>22<", "21 lines of 31 pixels.*says 22 lines of 31"),
    ("annotation/*-vv-*.xml", "<numberOfLines>21<", "<numberOfLines>999999999<", "expected 1 to 100000"),
    ("annotation/*-vv-*.xml", "geolocationGridPoint>", "gone>", "0 tie points"),
    ("annotation/*-vv-*.xml", "<latitude>", "<latitude>4", "no latitude and longitude in degrees"),
    ("annotation/*-vv-*.xml", "<latitude>", "<latitude>nan", "latitude"),
    ("annotation/*-vv-*.xml", "<pixel>30</pixel>", "<pixel>30 31</pixel>", "pixel is .30 31., expected 1 finite"),
    ("calibration-*-vv-*", "1.000000e+02", "0.000000e+00", "sigmaNought is 0, negative or next to 0"),
    ("calibration-*-vv-*", "1.000000e+02", "inf", "finite numbers"),
    ("calibration-*-vv-*", "1.000000e+02", "", "2 values of sigmaNought at 3 pixels"),
    ("calibration-*-vv-*", ">0 10 30<", ">0 30 10<", "expected one at each"),
    ("calibration-*-vv-*", "calibrationVector>", "gone>", "has no vectors of sigmaNought"),
]


@pytest.mark.parametrize(("pattern", "old", "new", "message"), FAULTS)
def test_faults_in_metadata_are_refused_by_name(product, spec, pattern, old, new, message):
    file = first(product, pattern)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(DataError, match=message) as error:
        _ = grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(product), spec).values
    assert str(product) in str(error.value)


def test_tie_points_on_a_line_or_far_apart_are_refused(product, spec, xml):
    file, reader = first(product, "annotation/*-vv-*.xml"), grd_safe(backscatter="sigma0", accept_uncorrected=True)
    line = [(0, pixel, 50.0, 3 + pixel / 1e4) for pixel in range(31)]
    wide = [(line, pixel, 0.5 * line, 3 + pixel) for line in (0, 20) for pixel in (0, 30)]
    for ties, message in ((line, "lie on one line"), (wide, "further apart than any scene")):
        file.write_text(xml["annotation"]("vv", ties))
        with pytest.raises(DataError, match=message):
            _ = reader.read(str(product), spec, bands=["vv"]).values


def test_torn_images_and_archives_are_refused(product, spec, tmp_path):
    reader, image = grd_safe(backscatter="sigma0", accept_uncorrected=True), first(product, "*-vv-*.tiff")
    archive = zipped(product, tmp_path / "a.zip")
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"a\.zip: cannot be read as a zip"):
        reader.read(str(archive), spec)
    assert not reader.recognises(str(archive))
    image.write_bytes(image.read_bytes()[:-600])
    with pytest.raises(DataError, match=r"-vv-.*\.tiff: cannot be read"):
        _ = reader.read(str(product), spec).values


def test_metadata_that_grows_without_bounds_is_refused(product, spec, tmp_path):
    name = f"{product.name}/annotation/{first(product, 'annotation/*-vv-*.xml').name}"
    first(product, "annotation/*-vv-*.xml").unlink()
    path = zipped(product, tmp_path / "a.zip", **{name: b" " * (17 * 2**20)})
    assert path.stat().st_size < 2**20
    with pytest.raises(DataError, match=r"has more than 16 MiB"):
        grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(path), spec)


def test_two_products_or_images_in_one_are_refused(product, spec, tmp_path):
    path = zipped(product, tmp_path / "a.zip", **{"other.SAFE/manifest.safe": "x"})
    with pytest.raises(DataError, match="one at a time"):
        grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(path), spec)
    image = first(product, "*-vv-*.tiff")
    shutil.copy(image, image.with_name(image.name.replace("001.tiff", "002.tiff")))
    with pytest.raises(DataError, match="both hold vv"):
        grd_safe(backscatter="sigma0", accept_uncorrected=True).read(str(product), spec)


@pytest.mark.parametrize("name", ["none.SAFE", "empty", "file.txt"])
def test_what_is_no_product_is_neither_recognised_nor_read(tmp_path, spec, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("x")
    path = str(tmp_path / name)
    assert not grd_safe().recognises(path)
    with pytest.raises(DataError, match=f"{name}: .* expected the folder or zip of a GRD product"):
        grd_safe(backscatter="sigma0", accept_uncorrected=True).read(path, spec)


def test_the_image_itself_has_no_crs_as_in_true_products(product):
    with rasterio.open(first(product, "*-vv-*.tiff")) as raster:
        assert raster.crs is None
        assert len(raster.gcps[0]) == 12
