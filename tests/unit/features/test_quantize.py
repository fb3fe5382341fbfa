"""Numbers of spec/evaluation.md §10, check 28."""

import h5py
import numpy as np
import pytest
import torch

from olmoearth_core.errors import ConfigError, DataError
from olmoearth_core.features import quantize
from olmoearth_core.features.quantize import Percentiles


def test_signed_square_roots_in_eight_bits_and_back():
    """Check 28."""
    codes = quantize.int8_codes(torch.tensor([0, 0.25, -0.25, 1, -1, 4, 1e-5]))
    assert codes.tolist() == [0, 64, -64, 127, -127, 127, 0]
    want = torch.tensor([0, 0.251965, -0.251965, 0.992172, -0.992172, 0.992172, 0])
    torch.testing.assert_close(quantize.int8_values(codes), want, atol=1e-6, rtol=0)
    assert quantize.int8_codes(torch.tensor(0.625)).item() == 101
    assert quantize.int8_codes(torch.tensor(0.625).bfloat16()).item() == 100


def test_percentile_codes_put_an_edge_into_the_interval_below():
    """Check 28."""
    table = Percentiles(2, torch.arange(5.0)[None], torch.tensor([[0.5, 1.5, 2.5, 3.5]]))
    values = torch.tensor([-1, 0, 0.5, 1, 1.0001, 4, 9])[:, None]
    assert quantize.percentile_codes(values, table)[:, 0].tolist() == [0, 0, 0, 0, 1, 3, 3]


def test_a_code_above_127_wraps_and_is_read_back_unsigned():
    """Check 28."""
    table = Percentiles(8, torch.arange(257.0)[None], torch.arange(256.0)[None] + 0.5)
    codes = quantize.percentile_codes(torch.tensor([[200.5]]), table)
    assert codes.tolist() == [[-56]]
    assert quantize.percentile_values(codes, table).tolist() == [[200.5]]


def test_blocks_do_not_change_the_result(monkeypatch):
    values = torch.randn(7, 3, 2, 5, generator=torch.Generator().manual_seed(0))
    table = quantize.measure_percentiles(values)[4]
    whole = quantize.through_int8(values), quantize.through_percentiles(values, table)
    monkeypatch.setattr(quantize, "_BLOCK", 10)
    assert torch.equal(quantize.through_int8(values), whole[0])
    assert torch.equal(quantize.through_percentiles(values, table), whole[1])


def test_a_table_is_the_percentiles_of_each_dimension_and_survives_its_file():
    values = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    quantize.write_percentiles("memory://tables/q.h5", quantize.measure_percentiles(values))
    for bits in quantize.BITS:
        table = quantize.read_percentiles("memory://tables/q.h5", bits)
        edges = np.percentile(values.numpy(), np.arange(2**bits + 1) * 100 / 2**bits, axis=0).T
        middles = np.percentile(values.numpy(), (np.arange(2**bits) + 0.5) * 100 / 2**bits, axis=0).T
        np.testing.assert_allclose(table.quantiles, edges, atol=1e-5)
        np.testing.assert_allclose(table.midpoints, middles, atol=1e-5)


def test_more_bits_lose_less():
    values = torch.randn(800, 4, generator=torch.Generator().manual_seed(0))
    tables = quantize.measure_percentiles(values)
    lost = [float((quantize.through_percentiles(values, tables[b]) - values).abs().mean()) for b in quantize.BITS]
    assert lost == sorted(lost, reverse=True)


def write(path, **changes):
    parts = {"2bit/quantiles": np.tile(np.arange(5.0, dtype="f4"), (3, 1)), "2bit/midpoints": np.zeros((3, 4), "f4")}
    with h5py.File(path, "w") as file:
        for name, values in {**parts, "dim": 3, **changes}.items():
            if values is not None:
                file[name] = values
    return str(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"2bit/quantiles": None},
        {"2bit/quantiles": np.zeros((3, 4), "f4")},
        {"2bit/quantiles": np.zeros((3, 5), "i4")},
        {"2bit/quantiles": np.full((3, 5), np.nan, "f4")},
        {"2bit/quantiles": np.tile(np.arange(5.0, 0, -1, dtype="f4"), (3, 1))},
        {"2bit/midpoints": np.zeros((2, 4), "f4")},
        {"dim": 4},
        {"dim": "three"},
        {"dim": [3, 3]},
        {"2bit/midpoints": h5py.ExternalLink("/etc/hostname", "x")},
        {"2bit/midpoints": h5py.SoftLink("/2bit/quantiles")},
    ],
)
def test_a_file_that_is_not_such_a_table_is_refused_by_name(tmp_path, changes):
    path = write(tmp_path / "q.h5", **changes)
    with pytest.raises(DataError, match=r"q\.h5"):
        quantize.read_percentiles(path, 2)


def test_files_that_are_absent_or_no_hdf5_are_refused_by_name(tmp_path):
    (tmp_path / "q.h5").write_bytes(b"nothing")
    for name in ("q.h5", "absent.h5"):
        with pytest.raises(DataError, match=name):
            quantize.read_percentiles(str(tmp_path / name), 2)
    with pytest.raises(ConfigError, match="3 bits"):
        quantize.read_percentiles(write(tmp_path / "good.h5"), 3)
    with pytest.raises(DataError, match="is for 3"):
        quantize.through_percentiles(torch.zeros(2, 5), quantize.read_percentiles(str(tmp_path / "good.h5"), 2))
