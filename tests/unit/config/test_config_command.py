import pytest

from olmoearth_core.cli.main import main


@pytest.fixture
def run(capsys):
    def call(*words):
        try:
            code = main(["config", *words])
        except SystemExit as end:
            code = int(end.code or 0)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return call


def test_check_is_silent_about_a_good_config_and_names_its_sources(acme, run):
    code, out, err = run("check", "base.cfg", "--run.seed", "3")
    assert (code, err) == (0, "")
    assert out == "no faults; 9 components; sources: base.cfg, overrides\n"


def test_check_ends_with_2_and_all_faults_without_a_traceback(acme, run):
    code, _, err = run("check", "base.cfg", "--run.sed=3", "--model.encoder_config.depth=x")
    assert code == 2
    assert "2 faults" in err
    assert "Traceback" not in err


def test_check_finds_a_value_that_its_component_refuses(write, run):
    top = write("top.cfg", '[train_module.loss]\n@losses = "acme.l2.v1"\npower = 10\n')
    code, out, err = run("check", "base.cfg", top)
    assert (code, out) == (2, "")
    assert "[train_module.loss]" in err
    assert "top.cfg:1" in err


def test_notes_go_beside_the_output(write, run):
    top = write("top.cfg", '[train_module.masking]\nonly_decode_modalities = ["terrain"]\n')
    _, out, err = run("show", "base.cfg", top, "--section", "train_module.masking")
    assert out.startswith("[train_module.masking]\n@maskings")
    assert err == "note: train_module.masking.only_decode_modalities: not trained and left out: terrain\n"


def test_fill_prints_a_file_that_checks(acme, run):
    _, out, _ = run("fill", "base.cfg")
    (acme / "filled.cfg").write_text(out)
    assert run("check", "filled.cfg")[0] == 0
    assert run("diff", "base.cfg", "filled.cfg") == (0, "", "")


def test_diff_takes_layers_joined_by_commas(write, run):
    top = write("top.cfg", "[run]\nseed = 3\n")
    _, out, _ = run("diff", "base.cfg", f"base.cfg,{top}")
    assert out.splitlines()[1].split() == ["run.seed", "12536", "3"]


def test_why_says_where_a_value_comes_from(acme, run):
    _, out, _ = run("why", "train_module.loss.weight", "base.cfg")
    assert out == "train_module.loss.weight = 2.0\n  base.cfg:26  2.0\n"


def test_options_without_a_config_say_what_to_write(acme, run):
    code, _, err = run("check", "--run.seed=3")
    assert code == 2
    assert "no config named; give a file or a recipe" in err


@pytest.mark.parametrize("command", ["check", "show", "fill", "diff", "why"])
def test_every_command_explains_itself(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert len(out.split()) > 20
