"""Tasks on frozen features: nearest neighbours and linear probes."""

from __future__ import annotations

from olmoearth_benchmarks.research.blocks import Table
from olmoearth_core.interfaces.tasks import TaskList


def research() -> TaskList:
    """Ship the nearest-neighbour and linear-probe tasks of the OlmoEarth papers, such as m_eurosat or pastis_sentinel2.

    Settings are those of the reference's sweep. It scores every few epochs; here `eval_interval` counts steps and is
    0, so that a task is scored at the end unless a config says otherwise.
    """
    return Table("research", "knn_and_probe.json")
