"""How gunicorn serves the portal; the address comes by ``--bind``."""

worker_class = "gevent"
"""Thread and sync workers stop dead under 16 half-sent requests."""
workers = 1
worker_connections = 1000
timeout = 30
graceful_timeout = 25
keepalive = 65
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
