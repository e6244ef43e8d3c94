"""A cluster that asks without end is slowed down, and no other with it."""

from controllers.relay.server.pace import A_SECOND, BURST, Pace


def test_a_cluster_may_ask_in_a_burst_and_then_steadily() -> None:
    now = [100.0]
    pace = Pace(lambda: now[0])
    assert sum(pace.allows("a") for _ in range(2 * BURST)) == BURST
    assert pace.allows("b")
    now[0] += 2.0
    assert sum(pace.allows("a") for _ in range(BURST)) == 2 * A_SECOND
    now[0] += 3600.0
    assert sum(pace.allows("a") for _ in range(2 * BURST)) == BURST
