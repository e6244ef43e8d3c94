"""How gunicorn serves the portal; the address comes by ``--bind``."""

import gc
import resource
from typing import Any

worker_class = "gevent"
"""Thread and sync workers stop dead under 16 half-sent requests."""
workers = 1
worker_connections = 4000
timeout = 30
graceful_timeout = 25
keepalive = 20
"""Seconds for the head of a request, the first one too: longer than the pages' polls are apart."""
control_socket_disable = True
"""By default gunicorn opens a control socket in the home directory."""
worker_tmp_dir = "/dev/shm"  # noqa: S108 - heartbeats go to memory, never to a disk that is full
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16_384
forwarded_allow_ips = ""
"""Nobody's X-Forwarded-* is believed."""
forwarder_headers = ""
header_map = "drop"
"""A header with an underscore could pass for one with a dash."""
accesslog = None
errorlog = "-"
proc_name = "neurox-web"


def on_starting(_: Any) -> None:
    """Allow a file for every connection; shells start programs with 1,024 of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = worker_connections + 256
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def post_worker_init(_: Any) -> None:
    """Keep the collector of reference cycles out of the way.

    A page of a large fleet makes and drops tens of thousands of objects, none of them in a cycle;
    looking through all that was imported each time took half of the answer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
