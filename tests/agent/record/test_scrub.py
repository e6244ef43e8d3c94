import pytest

from agent.record.scrub import Scrubber

UUID = b"5e0b9a4e-9a8e-5b0e-9d0c-0123456789ab"


def test_a_uuid_becomes_the_same_number_wherever_it_comes() -> None:
    scrubber = Scrubber(host="")
    first = scrubber.clean(b"GPU-" + UUID + bytes(56), "nvmlDeviceGetUUID")
    assert first == b"GPU-00000000-0000-0000-0000-000000000001" + bytes(56)
    other = scrubber.clean(b"MIG-" + UUID.replace(b"5e", b"aa"), "uuid")
    assert other.endswith(b"000000000002")
    assert scrubber.clean(b"MIG-GPU-" + UUID + b"/1/0", "uuid")[8:44] == first[4:40]


def test_a_serial_number_keeps_its_length_alone() -> None:
    scrubber = Scrubber(host="")
    serial = b"1654321987654" + bytes(17)
    assert scrubber.clean(serial, "nvmlDeviceGetSerial") == b"0000000000001" + bytes(17)
    assert scrubber.clean(bytes(30), "nvmlDeviceGetSerial") == bytes(30)


def test_the_host_name_is_crossed_out() -> None:
    assert Scrubber(host="gpu-7").clean(b"a file of gpu-7 here", "name") == b"a file of xxxxx here"


def test_a_fabric_loses_its_name_but_not_its_identity() -> None:
    scrubber = Scrubber(host="")
    one = scrubber.clean(bytes(range(16)), "clusterUuid")
    assert one == bytes(15) + b"\1"
    assert scrubber.clean(bytes(range(16)), "clusterUuid") == one
    assert scrubber.clean(bytes(16), "clusterUuid") == bytes(16)


@pytest.mark.parametrize(
    ("data", "field"),
    [(b"00000000:18:00.0", "busId"), ((4711).to_bytes(4, "little"), "pid")],
)
def test_bus_and_process_ids_stay_unless_all_is_to_go(data: bytes, field: str) -> None:
    assert Scrubber(host="").clean(data, field) == data
    everything = Scrubber(everything=True, host="")
    gone = everything.clean(data, field)
    assert (len(gone), gone != data) == (len(data), True)
    assert everything.clean(data, field) == gone


def test_the_numbers_of_a_bus_id_follow_its_text() -> None:
    scrubber = Scrubber(everything=True, host="")
    assert scrubber.clean(b"0000:18:00.0", "busIdLegacy") == b"0000:01:00.0"
    assert scrubber.clean(b"\x18\0\0\0", "bus") == b"\1\0\0\0"
    assert scrubber.clean(b"00000000:18:00.0", "busId") == b"00000000:01:00.0"
