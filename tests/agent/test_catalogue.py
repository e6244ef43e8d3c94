from agent.catalogue import METRICS, SCOPE_LABELS

UNITS = {"bytes", "seconds", "joules", "watts", "celsius", "hertz", "ratio"}
FOREIGN = {"mib", "mhz", "percent", "mw", "ms", "gb"}


def test_every_metric_is_named_by_the_rules() -> None:
    assert len(METRICS) > 80
    for metric in METRICS.values():
        words = metric.name.split("_")
        assert words[0] == "neurox"
        assert (words[-1] == "total") == (metric.type == "counter"), metric.name
        assert (words[-1] == "info") == (metric.type == "info"), metric.name
        assert not FOREIGN & set(words), metric.name
        if metric.unit in UNITS:
            assert metric.unit in words, metric.name


def test_every_metric_says_where_it_comes_from() -> None:
    for metric in METRICS.values():
        assert metric.source
        assert metric.help.endswith("."), metric.name
        assert metric.scope in SCOPE_LABELS
        assert metric.tier in "FMSEO"
        assert not set(metric.labels) & set(SCOPE_LABELS[metric.scope]), metric.name


def test_nobody_and_no_command_line_is_a_label() -> None:
    labels = {label for metric in METRICS.values() for label in metric.labels}
    assert not labels & {"pid", "user", "command", "cmdline"}
