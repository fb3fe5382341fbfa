"""Tasks on weights that are trained further."""

from __future__ import annotations

from olmoearth_benchmarks.research.blocks import Table
from olmoearth_core.interfaces.tasks import TaskList


def research_finetune() -> TaskList:
    """Ship the fine-tuning tasks of the OlmoEarth papers, named <task>_ft.

    The learning rate is what the reference's sweep varies, so none is given here; choose it on the validation split
    (`olmoearth evaluate --sweep`).
    """
    return Table("research_finetune", "finetune.json")
