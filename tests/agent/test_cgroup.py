import pytest

from agent.cgroup import pod_uid

UID = "5a1b6a0e-3f2c-4d53-9a9b-0c1d2e3f4a5b"
SLICE = UID.replace("-", "_")
HASH = "0f1e2d3c" * 4
ID = "ab" * 32
OTHER = "99999999-9999-9999-9999-999999999999"
BURSTABLE = "kubepods.slice/kubepods-burstable.slice/kubepods-burstable"

SHAPES = {
    "v1, cgroupfs, guaranteed": f"4:memory:/kubepods/pod{UID}/{ID}",
    "v1, cgroupfs, burstable": f"4:memory:/kubepods/burstable/pod{UID}/{ID}",
    "v1, every controller": f"12:memory:/kubepods/besteffort/pod{UID}/{ID}\n"
    f"11:cpu,cpuacct:/kubepods/besteffort/pod{UID}/{ID}\n1:name=systemd:/\n0::/",
    "v1, systemd, docker": f"4:memory:/{BURSTABLE}-pod{SLICE}.slice/docker-{ID}.scope",
    "v2, cgroupfs": f"0::/kubepods/besteffort/pod{UID}/{ID}",
    "v2, systemd, containerd": f"0::/{BURSTABLE}-pod{SLICE}.slice/cri-containerd-{ID}.scope",
    "v2, systemd, cri-o": f"0::/{BURSTABLE}-pod{SLICE}.slice/crio-{ID}.scope",
    "v2, systemd, docker": f"0::/kubepods.slice/kubepods-pod{SLICE}.slice/docker-{ID}.scope",
    "crun's child": f"0::/kubepods.slice/kubepods-pod{SLICE}.slice/crio-{ID}.scope/container",
    "kind": "0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-besteffort.slice/"
    f"kubelet-kubepods-besteffort-pod{SLICE}.slice/cri-containerd-{ID}.scope",
    "kind, cgroupfs": f"0::/kubelet/kubepods/besteffort/pod{UID}/{ID}",
    "inside containerd's service": "0::/system.slice/containerd.service/"
    f"kubepods-burstable-pod{SLICE}.slice:cri-containerd:{ID}",
    "colons alone": f"0::/kubepods-besteffort-pod{SLICE}.slice:cri-containerd:{ID}",
    "a namespace of its own, cgroupfs": f"0::/../../pod{UID}/{ID}",
    "a namespace of its own, systemd": f"0::/../../kubepods-burstable-pod{SLICE}.slice/"
    f"cri-containerd-{ID}.scope",
    "systemd in the container": f"0::/{BURSTABLE}-pod{SLICE}.slice/cri-containerd-{ID}.scope/"
    "system.slice/app.service",
    "a cluster in a pod": f"0::/kubepods/pod{OTHER}/{ID}/kubelet/kubepods/burstable/pod{UID}/{ID}",
    "a cluster in a pod, systemd": f"0::/{BURSTABLE}-pod{OTHER.replace('-', '_')}.slice/"
    f"cri-containerd-{ID}.scope/kubelet.slice/kubelet-kubepods-pod{SLICE}.slice/"
    f"cri-containerd-{ID}.scope",
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES.keys())
def test_the_innermost_pod_is_found_in_every_shape(text: str) -> None:
    assert pod_uid(text + "\n") == UID


@pytest.mark.parametrize(
    "text",
    [
        f"0::/kubepods/burstable/pod{HASH}/{ID}",
        f"0::/{BURSTABLE}-pod{HASH}.slice/cri-containerd-{ID}.scope",
    ],
)
def test_a_static_pod_has_a_hash_for_a_uid(text: str) -> None:
    assert pod_uid(text) == HASH


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0::/init.scope",
        "0::/system.slice/podman.service",
        f"0::/machine.slice/libpod-{ID}.scope",
        f"0::/user.slice/user-1000.slice/pod{UID[:-1]}",
        f"0::/system.slice/docker-{ID}.scope",
    ],
)
def test_a_process_of_the_host_has_no_pod(text: str) -> None:
    assert pod_uid(text) is None
