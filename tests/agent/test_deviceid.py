import pytest

from agent.deviceid import Device, parse

UUID = "5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"


@pytest.mark.parametrize(
    ("device_id", "device"),
    [
        (f"GPU-{UUID}", Device(f"GPU-{UUID}", "exclusive")),
        (f"GPU-{UUID}::7", Device(f"GPU-{UUID}", "timeslice")),
        (f"MIG-{UUID}", Device(f"MIG-{UUID}", "mig")),
        (f"MIG-{UUID}::0", Device(f"MIG-{UUID}", "mig")),
        (f"MIG-GPU-{UUID}/1/0", Device(f"MIG-GPU-{UUID}/1/0", "mig")),
    ],
)
def test_known_forms_are_read(device_id: str, device: Device) -> None:
    assert parse(device_id) == device


@pytest.mark.parametrize("device_id", ["", "mlx5_0", f"GPU-{UUID}::x", f"GPU-{UUID}\n"])
def test_other_devices_are_left_out(device_id: str) -> None:
    assert parse(device_id) is None
