"""What EuroCrops is: farmers' own crop declarations of sixteen European countries, burnt into pixels."""

from __future__ import annotations

from olmoearth_core.interfaces.modality import BandSet, ModalitySpec, Statistics


def eurocrops() -> ModalitySpec:
    """EuroCrops v11 declared crops as flat ids 1 to 384 of the HCAT3 list, in file order; 0 is land nobody declared.

    The statistics are round numbers set by hand, not measured.
    Product guide: https://github.com/maja601/EuroCrops
    """
    return ModalitySpec(
        name="eurocrops",
        band_sets=(BandSet(("B1",), 16),),
        grid_factor=16,
        multitemporal=False,
        dtype="uint16",
        units="flat HCAT id 1..384, 0 = background",
        quantity="class_code",
        contract=("whole_numbers",),
        valid_range=(0.0, 384.0),
        normalization="computed",
        statistics={"B1": Statistics(150.0, 150.0)},
        title="Crop types, Europe (EuroCrops)",
        licence="CC-BY-4.0",
        citation="Schneider et al. 2023, EuroCrops, Scientific Data 10, doi:10.1038/s41597-023-02517-0",
        source="https://github.com/maja601/EuroCrops",
    )
