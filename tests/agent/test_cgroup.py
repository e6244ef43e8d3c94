import pytest

from agent.cgroup import pod_uid

UID = "5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"
SLICE = UID.replace("-", "_")
ID = "ab" * 32
OTHER = "99999999-9999-9999-9999-999999999999"


@pytest.mark.parametrize(
    "text",
    [
        f"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{SLICE}.slice/"
        f"cri-containerd-{ID}.scope",
        f"0::/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope/container",
        f"0::/kubepods/besteffort/pod{UID}/{ID}",
        f"0::/../../pod{UID}/{ID}",
        f"0::/../kubepods-burstable-pod{SLICE}.slice/cri-containerd-{ID}.scope",
        f"0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod{SLICE}.slice/"
        f"cri-containerd-{ID}.scope",
        f"12:memory:/kubepods/burstable/pod{UID}/{ID}\n11:cpu:/kubepods/burstable/pod{UID}/{ID}",
        f"0::/system.slice/containerd.service/kubepods-burstable-pod{SLICE}.slice:cri-containerd:{ID}",
        f"0::/kubepods/pod{OTHER}/{ID}/kubelet/kubepods/burstable/pod{UID}/{ID}",
    ],
)
def test_the_innermost_pod_is_found_in_every_shape(text: str) -> None:
    assert pod_uid(text) == UID


def test_a_static_pod_has_a_hash_for_a_uid() -> None:
    assert pod_uid(f"0::/kubepods/burstable/pod{'0f' * 16}/{ID}") == "0f" * 16


@pytest.mark.parametrize("text", ["", "0::/init.scope", "0::/system.slice/podman.service"])
def test_a_process_of_the_host_has_no_pod(text: str) -> None:
    assert pod_uid(text) is None
