from dataclasses import replace

import pytest
from redis import Redis

from controllers.domain.gpu import Gpu, Holder
from controllers.store.gpus import FORGOTTEN_SECONDS, Gpus

GPU = Gpu("GPU-1", "gpu-1", 0, "H100", 1000.0, utilization=0.5, holders=(Holder("v", "p", "c"),))


@pytest.fixture
def gpus(redis: Redis) -> Gpus:
    return Gpus(redis, clock=lambda: 1010.0)


def test_samples_are_merged_by_uuid(gpus: Gpus) -> None:
    gpus.put("c1", [GPU, replace(GPU, uuid="GPU-2", index=1)])
    gpus.put("c1", [replace(GPU, sampled_at=1005.0, utilization=None)])
    first, second = gpus.all("c1")
    assert (first.sampled_at, first.utilization) == (1005.0, None)
    assert second.uuid == "GPU-2"
    assert gpus.all("c2") == []


def test_a_gpu_without_a_new_sample_keeps_its_last(gpus: Gpus) -> None:
    gpus.put("c1", [GPU])
    gpus.put("c1", [])
    assert gpus.all("c1") == [GPU]


def test_an_older_sample_never_replaces_a_newer_one(gpus: Gpus) -> None:
    gpus.put("c1", [GPU])
    gpus.put("c1", [replace(GPU, sampled_at=900.0, utilization=0.1)])
    assert gpus.all("c1") == [GPU]


def test_a_gpu_unseen_for_a_day_is_forgotten(redis: Redis, gpus: Gpus) -> None:
    gpus.put("c1", [GPU])
    later = Gpus(redis, clock=lambda: GPU.sampled_at + FORGOTTEN_SECONDS + 1)
    later.put("c1", [])
    assert later.all("c1") == []
