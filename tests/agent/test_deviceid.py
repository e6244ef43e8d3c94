import pytest

from agent.deviceid import Device, of_hami, parse

UUID = "5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"
OTHER = "99999999-9999-9999-9999-999999999999"
GPU, MIG = f"GPU-{UUID}", f"MIG-{UUID}"


@pytest.mark.parametrize(
    ("device_id", "device"),
    [
        (GPU, Device(GPU)),
        (f"{GPU}::7", Device(GPU, replica=True)),
        (MIG, Device(mig_uuid=MIG)),
        (f"{MIG}::0", Device(mig_uuid=MIG, replica=True)),
        (f"MIG-{GPU}/1/0", Device(GPU, gi=1, ci=0)),
        (f"MIG-{GPU}/1/0::3", Device(GPU, gi=1, ci=0, replica=True)),
        ("nvidia0", Device(minor="0")),
        ("nvidia12/vgpu3", Device(minor="12", replica=True)),
        ("nvidia0/gi13", Device(minor="0", gi=13)),
        ("nvidia0/gi1/vgpu2", Device(minor="0", gi=1, replica=True)),
        (f"{GPU}-9", Device(GPU, replica=True, hami=True)),
        (f"{GPU}[0-1]", Device(GPU, replica=True, hami=True)),
    ],
)
def test_known_forms_are_read(device_id: str, device: Device) -> None:
    assert parse(device_id) == device


@pytest.mark.parametrize(
    "device_id", ["", "mlx5_0", f"{GPU}::x", f"{GPU}\n", "nvidiactl", "nvidia0/gi", "nvidia0/gi1/"]
)
def test_other_devices_are_left_out(device_id: str) -> None:
    assert parse(device_id) is None


def test_hami_names_a_pods_gpus_in_an_annotation() -> None:
    text = f"{GPU},NVIDIA,4096,25:GPU-{OTHER},NVIDIA,4096,0:;;{GPU},NVIDIA,1,1:;"
    assert of_hami(text) == [GPU, f"GPU-{OTHER}", GPU]
    assert of_hami("") == of_hami("nonsense,;:") == []
