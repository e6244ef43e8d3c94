"""GPUs of the made-up fleet: one has whatever a page can show, the rest what is usual."""

from datetime import UTC, datetime, timedelta

from portal import schemas as s

NOW = datetime.now(UTC)
GIB = 1024**3
FULL = ("prod-use1", 1, 0)
"""The one with two holders, MIG devices, XIDs and a clock event."""


def gpu(cluster: str, node: int, index: int, stale: bool, text: str | None) -> s.GpuOut:
    """That GPU of a node; ``stale``: of a cluster that is lost; ``text``: instead of its own."""
    state = _state(cluster, node, index, stale)
    read, held = state in ("busy", "idle", "free"), state in ("busy", "idle")
    full, live = (cluster, node, index) == FULL, state not in ("stale", "fault")
    return s.GpuOut(
        uuid=f"GPU-{cluster}-{node}-{index}-4f6c-8c1d-0123456789ab",
        cluster=cluster,
        node=f"gpu-{node}",
        index=index,
        model=text or "NVIDIA H100 80GB HBM3",
        pool="h100",
        state=state,
        **_readings(_turn(node, index), state == "busy", index, read),
        memory_total_bytes=80 * GIB,
        power_limit_watts=700.0,
        clock_events=_clock_events(full) if live else None,
        health=("warning" if full else "good") if live else None,
        findings=[],
        recovery_action="none" if live else None,
        xids=_xids(text) if full else [],
        xid_24h="hardware" if full else "none",
        migs=_migs() if full else [],
        holders=[_holder(number, text) for number in range(2 if full else 1)] if held else [],
        **_whose(held, text),
        namespace="vision" if held else None,
        pod="train-vit-03-0" if held else None,
        driver="580.95.05",
        serial=text or "1654922000123",
        pci_bus_id="00000000:18:00.0",
        sampled_at=NOW - timedelta(seconds=4 if read else 600),
        sample_age_seconds=4.0 if read else 600.0,
        simulated=True,
    )


def _readings(turn: int, busy: bool, index: int, read: bool) -> dict[str, float | None]:
    """The first GPU of a node has no profiling, as one before Hopper."""
    found = {
        "utilization": turn / 16 + 0.05 if busy else 0.0,
        "sm_active": turn / 20 if index else None,
        "tensor_active": turn / 40 if index else None,
        "memory_used_bytes": int(turn * 4.7 * GIB),
        "unattributed_memory_bytes": 2 * GIB,
        "power_watts": 90.0 + turn * 38,
        "temperature_celsius": 34.0 + turn * 2,
    }
    return {name: value if read else None for name, value in found.items()}


def _holder(number: int, text: str | None) -> s.GpuHolder:
    """The first is a pod of a workload that is known; others have a MIG device."""
    return s.GpuHolder(
        namespace=text or "vision",
        pod=text or f"train-vit-03-{number}",
        mode="mig" if number else "exclusive",
        mig_uuids=["MIG-20d3c1f6-8c1d-5e0a-9f6b-0123456789ab"] if number else [],
        **_whose(number == 0, text),
        utilization=0.4,
        memory_used_bytes=11 * GIB,
        busy_seconds=4_000.0 * (number + 1),
        energy_joules=2.2e6 * (number + 1),
    )


def _whose(known: bool, text: str | None) -> dict[str, str | None]:
    return {
        "workload_id": "w-3" if known else None,
        "workload": (text or "train-vit-03") if known else None,
        "user": (text or "amara") if known else None,
    }


def _turn(node: int, index: int) -> int:
    return (node * 8 + index * 5) % 16


def _state(cluster: str, node: int, index: int, stale: bool) -> s.GpuState:
    if cluster == "research-dc1" and (stale or node == 4):
        return "stale"
    if (cluster, node, index) == ("prod-use1", 3, 5):
        return "fault"
    turn = _turn(node, index)
    return "free" if turn < 3 else "idle" if turn == 3 else "busy"


def _clock_events(full: bool) -> list[s.ClockEvent]:
    event = s.ClockEvent(reason="power_cap", text="it is at its power limit", throttles=True)
    return [event] if full else []


def _xids(text: str | None) -> list[s.GpuXid]:
    return [
        s.GpuXid(
            code=code,
            count=code - 11,
            last_at=NOW - timedelta(hours=code / 4),
            severity="warning",
            cause=cause,
            text=text or words,
        )
        for code, cause, words in (
            (13, "application", "Graphics engine exception"),
            (48, "hardware", "An error of its memory could not be corrected"),
        )
    ]


def _migs() -> list[s.GpuMig]:
    return [
        s.GpuMig(
            uuid=f"MIG-{gi}0d3c1f6-8c1d-5e0a-9f6b-0123456789ab",
            gi=gi,
            ci=0,
            profile="3g.40gb",
            memory_used_bytes=gi * GIB,
            memory_total_bytes=40 * GIB,
            sm_active=0.5 / gi,
            tensor_active=None,
        )
        for gi in (1, 2)
    ]
