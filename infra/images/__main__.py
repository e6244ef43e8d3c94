"""``make images`` and ``make pin-images``: ``python -m infra.images build|pin``."""

import argparse
import sys
from pathlib import Path

from infra.images import pins, registry
from infra.images.build import Builder, carry_out, too_large
from infra.images.catalogue import IMAGES, image_named, own_platform, platform_named
from infra.images.errors import ImageError
from infra.images.order import DEBIAN, Order, version
from infra.tools.errors import ToolError
from infra.tools.progress import progress_on
from infra.tools.workshop import Workshop


def main(argv: list[str]) -> int:
    """Do what is asked; 1 and one message on stderr when it cannot be done."""
    options = _parser().parse_args(argv)
    try:
        return int(options.run(options))
    except (ImageError, ToolError) as refused:
        sys.stderr.write(f"images: {refused}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("images: stopped; what is built is kept, the next run goes on there\n")
        return 130


def _build(options: argparse.Namespace) -> int:
    platform = platform_named(options.platform) if options.platform else own_platform()
    order = Order(platform, options.registry, options.tag or version(), options.base)
    order.context.mkdir(parents=True, exist_ok=True)
    shop = Workshop.from_env()
    builder = Builder(order, shop, tuple(image_named(name) for name in options.images or IMAGES))
    # Asked first: without an engine there is no point in fetching anything.
    tasks = [] if options.layout else builder.build()
    carry_out([*builder.lay_out(), *tasks], shop, progress_on())
    if options.layout:
        sys.stdout.write(f"{order.context}\n")
        return 0
    sizes = builder.sizes()
    for image, size in sizes:
        line = f"{order.reference(image):<48} {size:5.1f} of {image.limit_mb} MB"
        sys.stdout.write(f"{line}  {order.archive(image).relative_to(order.root)}\n")
    if missed := too_large(sizes):
        raise ImageError(" ".join(missed))
    return 0


def _pin(options: argparse.Namespace) -> int:
    return max(pins.pin(file, registry.digest, sys.stdout) for file in options.files)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.images", description=__doc__)
    verbs = parser.add_subparsers(required=True)
    build = verbs.add_parser("build", help="build images and pack each as an OCI archive")
    build.add_argument("images", nargs="*", metavar="IMAGE", help=f"of {', '.join(IMAGES)}; all")
    build.add_argument("--registry", default="ghcr.io/neurox", help="%(default)s")
    build.add_argument("--tag", default="", help="the version in setup.cfg")
    build.add_argument("--platform", default="", help="this machine's")
    build.add_argument("--base", default="", help=f"an image with Python 3.11, or {DEBIAN}")
    build.add_argument("--layout", action="store_true", help="only lay out what is copied")
    build.set_defaults(run=_build)
    pin = verbs.add_parser("pin", help="fill the digests of images in values files")
    yaml = "YAML with repository, tag and digest of images"
    pin.add_argument("files", nargs="+", type=Path, metavar="FILE", help=yaml)
    pin.set_defaults(run=_pin)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
