"""The shipped tasks have the settings that the reference's sweeps have."""

import json
from pathlib import Path

import pytest
from olmoearth_benchmarks.research.finetune import research_finetune
from olmoearth_benchmarks.research.knn_and_probe import research

from olmoearth_core.config.build import build
from olmoearth_core.config.load import load

UNDOCUMENTED = {"gb2_spacenet2"}
"""Which of its stored channels is which band is nowhere said."""
NO_REFLECTANCES = {"gb2_caffe", "gb2_flair2", "gb2_spacenet7"}
"""8-bit colours, which only statistics of their own data set can scale."""
FACTS = Path(__file__).parents[4] / "shared" / "spec" / "eval_tasks.json"


@pytest.fixture(scope="module")
def sweeps():
    if not FACTS.is_file():
        pytest.skip("the facts of the reference's tasks are not here")
    return json.loads(FACTS.read_text("utf-8"))["tasks"]


def sweep(sweeps, start):
    return next(tasks for name, tasks in sweeps.items() if name.startswith(start))


def test_every_task_of_the_sweep_but_those_named_here_is_shipped(sweeps):
    wanted = sweep(sweeps, "all_evals.EVAL_TASKS") | sweep(sweeps, "all_evals.EMBED_DIAG_TASKS")
    facts = json.loads(FACTS.read_text("utf-8"))["datasets"]
    # Where the data of an internal registry lies, and what its classes are called, only their owner can say.
    internal = {name for name, task in wanted.items() if "rslearn" in facts[task["dataset"]]["registered_in"]}
    assert set(research().blocks()) == (set(wanted) - internal - UNDOCUMENTED) | {"m-eurosat", "pastis"}


def test_features_are_made_as_in_the_sweep(sweeps):
    for name, block in research().blocks().items():
        if name not in (facts := sweep(sweeps, "all_evals.EVAL_TASKS")):
            continue
        fields = facts[name]["fields"]
        pretrained = fields["norm_stats_from_pretrained"] and name not in NO_REFLECTANCES
        assert block["normalization"] == ("pretrained" if pretrained else "dataset"), name
        assert (block["patch_size"], block["pooling"]) == (fields["patch_size"], fields["pooling_type"]), name
        assert (block["batch_size"], block["norm_method"]) == (fields["embedding_batch_size"], fields["norm_method"])
        if "diag" not in name:
            assert block["primary_metric"] == facts[name]["resolved_primary_metric"], name


def test_probes_are_trained_as_in_the_sweep(sweeps):
    facts = sweep(sweeps, "all_evals.EVAL_TASKS")
    for name, block in research().blocks().items():
        mode = facts[name]["resolved_eval_mode"] if name in facts else ""
        assert not mode or block["evaluator"]["@evaluators"] == f"olmoearth.{mode}.v1", name
        if mode == "linear_probe":
            fields, probe = facts[name]["fields"], block["evaluator"]
            assert (probe["lr"], probe["batch_size"], probe["epochs"]) == (
                fields["probe_lr"], fields["probe_batch_size"], fields["epochs"],
            ), name  # fmt: skip


def test_fine_tuning_tasks_have_batches_and_patches_of_their_sweep(sweeps):
    facts = sweep(sweeps, "all_evals.FT_EVAL_TASKS")
    assert set(research_finetune().blocks()) == {f"{name}_ft" for name in set(facts) - UNDOCUMENTED}
    for name, block in research_finetune().blocks().items():
        fields = facts[name.removesuffix("_ft")]["fields"]
        assert block["evaluator"]["batch_size"] == fields["ft_batch_size"], name
        assert block["patch_size"] == fields["patch_size"], name
        assert block["evaluator"].get("accumulate", 1) == fields.get("ft_grad_accum_steps", 1), name
    assert research_finetune().blocks()["m_cashew_plant_ft"]["patch_size"] == 16
    assert research().blocks()["m_cashew_plant"]["patch_size"] == 4


def test_tasks_of_the_loop_come_round_as_in_the_released_recipes():
    blocks = research().blocks()
    assert {name: block["eval_interval"] for name, block in blocks.items() if block["eval_interval"]} == {
        "m-eurosat": 4000, "pastis": 20000,
    }  # fmt: skip


def test_a_recipe_that_only_names_a_task_runs_it():
    at = "trainer.callbacks.downstream_evaluator"
    config = load(["configs/base.cfg"], [f"--{at}.enabled=true", f'--{at}.tasks_to_run=["m_eurosat"]'], partial=True)
    assert config.at(f"{at}.tasks.m_eurosat.benchmark")["@benchmarks"] == "benchmarks.m_eurosat.v1"
    assert config.notes == ()


def test_evaluate_takes_a_shipped_task_by_name():
    from olmoearth_core.evaluate.trained import TASKS, Request, with_tasks

    config = load(["configs/v1_2/nano.cfg"])
    tasks = with_tasks(config, Request(checkpoint="x", tasks=["m_eurosat"])).at(TASKS)
    assert tasks["m_eurosat"]["evaluator"]["@evaluators"] == "olmoearth.knn.v1"


def test_every_shipped_task_can_be_built():
    names = [*research().blocks(), *research_finetune().blocks()]
    at = "trainer.callbacks.downstream_evaluator"
    options = [f"--{at}.enabled=true", f"--{at}.tasks_to_run={json.dumps(names)}"]
    stage = build(load(["configs/base.cfg"], options, partial=True)).trainer.callbacks["downstream_evaluator"]
    assert sorted(stage.tasks) == sorted(names)
    assert len(names) == 75
