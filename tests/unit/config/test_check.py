import subprocess
import sys

import pytest

from olmoearth_core.config.load import load


@pytest.mark.parametrize(
    ("section", "line", "message"),
    [
        ("run", "seed = 1.5", "expected int, got 1.5"),
        ("run", "seed = 1e3", "expected int, got 1000.0 (write 1000)"),
        ("run", "seed = true", "expected int, got true"),
        ("run", 'seed = "3"', "expected int, got the text '3' (values are JSON: write 0.1, not .1; 1000, not 1_000)"),
        ("run", "seed = 1_000", "expected int, got the text '1_000'"),
        ("run", "seed = null", "expected int, got null"),
        ("run", "name = 3", "expected text, got 3 (write it in double quotes)"),
        ("data_loader", "token_budget = .5", "expected int, got the text '.5'"),
        ("data_loader", "token_budget = [1]", "expected int, got [1]"),
        ("data_loader", 'band_gap = "zero_bnad"', 'Did you mean "zero_band"?'),
        ("data_loader", "max_bad_samples = NaN", "expected a finite number"),
        ("data_loader", "sampled_hw_p_list = [1, 2.5]", "element 2: expected int, got 2.5"),
        ("data_loader", "sampled_hw_p_list = 4", "expected list of int, got 4"),
        ("model.encoder_config", 'mode = "fsat"', "got the text 'fsat'. Did you mean \"fast\"?"),
        ("model.encoder_config", "qk_norm = 1", "expected true or false, got 1"),
        ("model.encoder_config", "drop_path = {}", "expected float, got a section"),
        ("train_module.optim_config", "betas = [0.9]", "expected 2 values, got 1: [0.9]"),
        ("train_module.optim_config", 'betas = [0.9, "x"]', "element 2: expected float, got the text 'x'"),
        ("train_module", 'loss = "acme.l2.v1"', 'write @losses = "name" there. Known: '),
        ("train_module", 'masking_b = [{"@maskings": "acme.stripes.v1"}]', "got [{"),
        ("model.encoder_config", 'sizes = [{"@losses": "acme.l1.v1"}]', "blocks inside a list are never built"),
        ("data_loader", 'transform = [{"@losses": "acme.l1.v1"}]', 'write @transforms = "name" there. Known: '),
        ("train_module.loss", 'modality_weights = {"optical": "x"}', "expected float, got the text 'x'"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(write, faults, section, line, message):
    top = write("top.cfg", f"[{section}]\n{line}\n")
    (found,) = faults(load, ["base.cfg", top])
    assert found.startswith("top.cfg:2 ")
    assert message in found


@pytest.mark.parametrize(
    ("section", "line", "message"),
    [
        ("trian_module", "x = 1", 'a config has no section trian_module. Did you mean "train_module"?'),
        ("data_loader", "token_bugdet = 1", 'takes no token_bugdet. Did you mean "data_loader.token_budget"?'),
        ("model.encoder_config", "dpeth = 1", 'takes no dpeth. Did you mean "model.encoder_config.depth"?'),
        ("model", "betas = 1", 'Did you mean "train_module.optim_config.betas"?'),
        ("train_module.loss", "zzzzzz = 1", "acme.l1.v1 takes no zzzzzz. It takes weight, modality_weights."),
        ("trainer", '@losses = "acme.l1.v1"', "this is a plain section; it names no component"),
    ],
)
def test_an_unknown_key_says_what_was_probably_meant(write, faults, section, line, message):
    top = write("top.cfg", f"[{section}]\n{line}\n")
    (found,) = faults(load, ["base.cfg", top])
    assert message in found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('@losses = "acme.l3.v1"', 'no losses named "acme.l3.v1". Did you mean "acme.l'),
        ('@losess = "acme.l1.v1"', 'there is no kind "losess". Did you mean @losses?'),
        ('@maskings = "acme.stripes.v1"', "expected a @losses block, got @maskings"),
        ("@losses = 3", "expected the name of a component in double quotes, got 3"),
        ("@losses = ${run.name}", 'no losses named "run"'),
        ('@losses = "wandb.absent.v1"', "no losses named"),
    ],
)
def test_a_wrong_component_is_a_fault_of_its_line(acme, write, faults, line, message):
    base = (acme / "base.cfg").read_text().replace('@losses = "acme.l1.v1"\nweight = 2.0', line)
    (found,) = faults(load, [write("other.cfg", base)])
    assert "[train_module.loss] @" in found
    assert message in found


def test_two_components_in_one_block_are_a_fault(write, faults):
    top = write("top.cfg", '[model.decoder_config]\n@decoders = "acme.decoder.v1"\n@losses = "acme.l1.v1"\n')
    assert "names 2 components: @decoders, @losses; keep one" in faults(load, ["base.cfg", top])[0]


def test_everything_that_is_missing_is_named_at_once(write, faults):
    found = faults(
        load, [write("empty.cfg", '[model]\n@models = "acme.model.v1"\n[dataset]\n@datasets = "acme.data.v1"\n')]
    )
    assert [line.split(": ")[0] for line in found] == [
        "empty.cfg:1 [model] encoder_config",
        "empty.cfg:3 [dataset] h5py_dir",
        "empty.cfg:3 [dataset] training_modalities",
        "config [train_module]",
    ]
    assert 'write @encoders = "name" there. Known: acme.encoder.v1' in found[0]


def test_plain_sections_need_not_be_written(acme):
    tree = load(["base.cfg"]).tree
    assert tree["run"]["seed"] == 12536
    assert tree["trainer"]["max_duration"]["epochs"] == 300
    assert tree["data_loader"]["sampled_hw_p_list"] == list(range(1, 13))


def test_an_int_becomes_a_float_only_where_one_is_asked_for(write):
    top = write("top.cfg", "[model.encoder_config]\ndrop_path = 1\ndepth = 1\n")
    encoder = load(["base.cfg", top]).tree["model"]["encoder_config"]
    assert [type(encoder[key]) for key in ("drop_path", "depth")] == [float, int]


def test_many_faults_of_many_layers_come_in_the_order_of_the_files(write, faults):
    a = write("a.cfg", "[run]\nseed = true\n[train_module.loss]\nweigth = 1\n")
    b = write("b.cfg", '[trainer.callbacks.printer]\nevery = "x"\n')
    found = faults(load, ["base.cfg", a, b], ["--data_loader.seed=x", "--modell.depth=1"])
    assert [line.split(" ")[0] for line in found] == [
        "a.cfg:2",
        "a.cfg:4",
        "b.cfg:2",
        "--data_loader.seed",
        "--modell.depth",
    ]


def test_a_placeholder_section_of_the_guide_gets_a_suggestion(acme, faults):
    (found,) = faults(load, ["base.cfg"], ["--config.nested.option=value"])
    assert found.startswith("--config.nested.option [config]: a config has no section config. Did you mean ")


def test_an_option_without_its_section_finds_its_home(acme, faults):
    (found,) = faults(load, ["base.cfg"], ["--encoder_config.depth=12"])
    assert 'Did you mean "model.encoder_config.depth"?' in found


@pytest.mark.parametrize("spelled", ["OPTICAL", "Optical", "optical"])
def test_the_case_of_a_modality_does_not_matter(acme, spelled):
    config = load(["base.cfg"], [f'--dataset.training_modalities=["{spelled}", "radar"]'])
    assert config.tree["dataset"]["training_modalities"] == ["optical", "radar"]


def test_an_unknown_modality_is_a_fault_wherever_it_stands(write, faults):
    top = write(
        "top.cfg",
        '[dataset]\ntraining_modalities = ["optcal"]\n[model.tokenization]\nrader = [["a"]]\n'
        '[train_module.masking]\nonly_decode_modalities = ["terain"]\n',
    )
    found = faults(load, ["base.cfg", top])
    assert [line.split(": ")[0] for line in found] == [
        "top.cfg:2 [dataset] training_modalities",
        "top.cfg:3 [model] tokenization",
        "top.cfg:6 [train_module.masking] only_decode_modalities",
    ]
    assert all("Did you mean" in line for line in found)


def test_a_modality_twice_is_a_fault_and_so_is_none(acme, faults):
    twice = faults(load, ["base.cfg"], ['--dataset.training_modalities=["optical", "OPTICAL"]'])
    assert '"optical" is given more than once' in twice[0]
    assert "names no modality" in faults(load, ["base.cfg"], ["--dataset.training_modalities=[]"])[0]


def test_a_known_modality_that_is_not_trained_is_left_out_with_a_note(write):
    top = write(
        "top.cfg",
        '[model.tokenization]\nTERRAIN = [["a"]]\noptical = [["b"]]\n[train_module.masking]\n'
        'only_decode_modalities = ["terrain", "radar"]\n[train_module.token_exit_cfg]\nterrain = 1\nradar = 0\n',
    )
    config = load(["base.cfg", top])
    assert config.tree["model"]["tokenization"] == {"optical": [["b"]]}
    assert config.tree["train_module"]["masking"]["only_decode_modalities"] == ["radar"]
    assert config.tree["train_module"]["token_exit_cfg"] == {"radar": 0}
    assert len(config.notes) == 3
    assert "model.tokenization: not trained and left out: terrain" in config.notes


def test_a_component_judges_its_own_settings(acme, faults):
    (found,) = faults(load, ["base.cfg"], ["--train_module.masking.encode_ratio=0.9"])
    assert found.endswith("[train_module.masking] decode_ratio: encode_ratio + decode_ratio must not exceed 1")
    notes = load(["base.cfg"], ["--train_module.masking.encode_ratio=0"]).notes
    assert notes == ("train_module.masking.encode_ratio: shows nothing to the encoder",)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--data_loader.global_batch_size=0", "[data_loader] global_batch_size: must be at least 1, got 0"),
        ("--data_loader.num_workers=-1", "[data_loader] num_workers: must be at least 0, got -1"),
        ("--data_loader.min_patch_size=9", "[data_loader] max_patch_size: is smaller than min_patch_size = 9"),
        ("--data_loader.sampled_hw_p_list=[]", "[data_loader] sampled_hw_p_list: must hold numbers of at least 1"),
        ("--trainer.save_interval=0", "[trainer] save_interval: must be at least 1, got 0"),
        ("--trainer.max_duration.steps=0", "[trainer.max_duration] steps: must be more than 0, got 0"),
        ("--trainer.max_duration.epochs=null", "[trainer.max_duration] steps: set exactly one of steps, epochs"),
    ],
)
def test_numbers_that_cannot_work_are_refused_before_anything_is_built(acme, faults, option, message):
    (found,) = faults(load, ["base.cfg"], [option])
    assert message in found


def test_a_broken_package_is_named_with_its_cause_and_does_not_hide_other_faults(install, write, faults):
    install("broken", "broken_parts", "import nowhere_to_be_found", olmoearth_losses={"broken.l.v1": "broken_parts:l"})
    top = write("top.cfg", '[train_module.loss]\n@losses = "broken.l.v1"\nodd = 1\n[run]\nsed = 1\n')
    found = faults(load, ["base.cfg", top])
    assert "provided by broken 1.0" in found[0]
    assert "nowhere_to_be_found" in found[0]
    assert found[1].startswith("top.cfg:5 [run] sed")


def test_a_first_party_component_without_its_package_names_the_package(acme, monkeypatch, faults, write):
    from olmoearth_core import names

    monkeypatch.setattr(names, "_installed", lambda distribution: distribution != "olmoearth-masking")
    top = write("top.cfg", '[train_module.masking]\n@maskings = "masking.absent.v1"\n')
    assert "olmoearth-masking" in faults(load, ["base.cfg", top])[0]


def test_a_default_that_no_file_can_hold_is_the_author_s_fault(install, acme, faults):
    code = (
        "from olmoearth_core.interfaces.loss import Loss\ndef l(*, kind: object = len, p: 'int | 3' = 1) -> Loss: ..."
    )
    install("odd", "odd_parts", code, olmoearth_losses={"odd.l.v1": "odd_parts:l"})
    (found,) = faults(load, ["base.cfg"], ["--train_module.loss.@losses=odd.l.v1"])
    assert "odd.l.v1 has the default <built-in function len>, which no config can hold" in found


def test_part_of_a_config_can_be_checked_alone(write):
    tree = load([write("part.cfg", '[trainer.callbacks.printer]\n@callbacks = "acme.printer.v1"\n')], partial=True).tree
    assert list(tree) == ["trainer"]
    assert tree["trainer"]["callbacks"]["printer"]["every"] == 1


def test_checking_imports_no_torch_unless_a_named_kind_or_component_does(acme):
    code = (
        "import sys; from olmoearth_core.config.load import load; load(['part.cfg'], partial=True);"
        "print([name for name in ('torch', 'numpy', 'h5py') if name in sys.modules])"
    )
    base = (acme / "base.cfg").read_text()
    (acme / "part.cfg").write_text(base[base.index("[model]") :])
    site = acme.parent / "site"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=acme, env={"PYTHONPATH": str(site)}, capture_output=True, text=True
    )
    assert shown.stdout.strip() == "[]", shown.stderr
