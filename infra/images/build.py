"""Builds the images, one step after the other, and holds their sizes against the limits."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from infra.images import context, engine
from infra.images.archive_size import compressed_bytes
from infra.images.catalogue import IMAGES, TOLERANCE, Image, own_platform
from infra.images.order import DEBIAN, Order
from infra.images.oven import Oven
from infra.tools.failure import room_on_disk
from infra.tools.progress import Progress, Step
from infra.tools.workshop import Tick, Workshop


@dataclass(frozen=True)
class Task:
    """A step that a person can follow."""

    verb: str
    kind: str
    name: str
    run: Callable[[Tick], None]


class Builder:
    """Carries out one order for some of the images."""

    def __init__(self, order: Order, shop: Workshop, images: tuple[Image, ...]) -> None:
        self._order, self._shop, self._images = order, shop, images

    def lay_out(self) -> list[Task]:
        """Everything that the Dockerfile copies; needs no engine."""
        order, shop = self._order, self._shop
        # Every target's libraries, since the stage that compiles them does so once for all.
        return [
            *(
                Task("Fetching", "wheels", one.name, partial(context.libraries, one, order, shop))
                for one in IMAGES.values()
            ),
            Task("Building", "wheel", "neurox", partial(context.neurox, order, shop)),
            Task("Building", "driver", "simulated", partial(context.simulated, order, shop)),
        ]

    def build(self) -> list[Task]:
        """The base where asked for, then the images, each with its archive."""
        oven = Oven(self._order, self._shop, engine.find(self._shop.env))
        platforms = {self._order.platform, own_platform()} if self._order.base == DEBIAN else set()
        return [
            *(
                Task("Building", "base", one.name, partial(oven.base, one))
                for one in sorted(platforms, key=lambda one: one.name)
            ),
            *(Task("Building", "image", x.name, partial(oven.image, x)) for x in self._images),
        ]

    def sizes(self) -> list[tuple[Image, float]]:
        """Compressed megabytes of each image's archive."""
        order = self._order
        return [(one, compressed_bytes(order.archive(one)) / 1e6) for one in self._images]


def carry_out(tasks: list[Task], shop: Workshop, progress: Progress) -> None:
    """Run every task and show it."""
    try:
        with room_on_disk(shop.cache):
            for step, task in _steps(tasks):
                progress.begin(step)
                task.run(partial(progress.tick, step))
                progress.end(step)
    finally:
        progress.close()


def too_large(sizes: list[tuple[Image, float]]) -> list[str]:
    """One sentence for each image that misses its limit by more than the tolerance."""
    return [
        f"{image.name} is {size:.0f} MB compressed; its limit is {image.limit_mb} MB."
        for image, size in sizes
        if size > image.limit_mb * TOLERANCE
    ]


def _steps(tasks: list[Task]) -> Iterator[tuple[Step, Task]]:
    for number, task in enumerate(tasks, 1):
        yield Step(number, len(tasks), task.kind, task.name, task.verb), task
