from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from olmoearth_core.config.load import load
from olmoearth_core.config.resolved import Config
from olmoearth_core.config.source import read
from olmoearth_core.config.text import write as written

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
    | st.just("${a.b}")
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
names = st.from_regex(r"[a-zA-Z_][\w-]{0,6}", fullmatch=True) | text.filter(bool)
trees = st.dictionaries(
    st.from_regex(r"[a-z]{1,6}", fullmatch=True),
    st.dictionaries(
        st.from_regex(r"@?[a-z]\w{0,5}", fullmatch=True),
        st.recursive(values, lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=5),
        max_size=3,
    ),
    max_size=3,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trees)
def test_what_is_written_is_read_back_as_it_was(tree):
    layer = read(written(tree), "a.cfg")
    assert not layer.faults
    assert layer.tree == tree


def test_a_resolved_config_is_a_fixed_point_and_names_every_component(acme):
    config = load(["base.cfg"], ["--trainer.callbacks.off.enabled=false", "--run.name=5 $ and ${run.root}"])
    text = config.to_text()
    again = Config.from_text(text)
    assert again.tree == config.tree
    assert again.to_text() == text
    things = ("data", "model", "encoder", "plain", "sgd", "ramp", "stripes", "l1", "printer")
    assert all(f'"acme.{thing}.v1"' in text for thing in things)


def test_building_does_not_change_what_is_written(acme):
    from olmoearth_core.config.build import build_at

    config = load(["base.cfg"])
    before = config.to_text()
    build_at(config, "train_module")
    build_at(config, "train_module")
    assert config.to_text() == before


def test_the_digest_sees_values_and_not_what_is_excluded_or_how_it_was_written(acme):
    plain = load(["base.cfg"])
    assert plain.digest() == load(["base.cfg"], ["--run.name=run"]).digest()
    longer = load(["base.cfg"], ["--trainer.max_duration.epochs=1"])
    assert plain.digest() != longer.digest()
    assert plain.digest(["trainer.max_duration"]) == longer.digest(["trainer.max_duration"])
