"""Prometheus of a workload cluster: agent mode, agents by file, everything out to the relay."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.local import document, secret_file

SCRAPE_SECONDS = 5
LIMITS: Mapping[str, Any] = {
    "honor_labels": True,
    "honor_timestamps": False,
    "follow_redirects": False,
    "sample_limit": 20_000,
    "label_limit": 30,
    "label_name_length_limit": 128,
    "label_value_length_limit": 1024,
    "body_size_limit": "8MB",
    "metric_relabel_configs": [
        {"source_labels": ["__name__"], "regex": "neurox_.*", "action": "keep"}
    ],
}
"""What an agent may tell, as in the chart."""
KEPT = "neurox_.*|up"


def configuration(targets_file: Path, write_url: str, token_file: Path) -> dict[str, Any]:
    """Its configuration; no external labels, for the relay-server sets the tenant."""
    return {
        "global": {
            "scrape_interval": f"{SCRAPE_SECONDS}s",
            "scrape_timeout": f"{SCRAPE_SECONDS - 1}s",
        },
        "scrape_configs": [
            {
                "job_name": "agent",
                **LIMITS,
                "file_sd_configs": [{"files": [str(targets_file)], "refresh_interval": "1m"}],
            }
        ],
        "remote_write": [
            {
                "url": write_url,
                "authorization": {"credentials_file": str(token_file)},
                "queue_config": {"batch_send_deadline": "1s", "max_shards": 4},
                "write_relabel_configs": [
                    {"source_labels": ["__name__"], "regex": KEPT, "action": "keep"}
                ],
            }
        ],
    }


def write(folder: Path, write_url: str, agents: Mapping[str, str]) -> None:
    """prometheus.yml, agents.json, the token. ``agents``: node to host:port; JSON is YAML too."""
    targets = folder / "agents.json"
    rows = [
        {"targets": [at], "labels": {"instance": node, "node": node}} for node, at in agents.items()
    ]
    targets.parent.mkdir(parents=True, exist_ok=True)
    document.write(targets, rows)
    written = configuration(targets, write_url, write_token(folder))
    document.write(folder / "prometheus.yml", written)


def write_token(folder: Path) -> Path:
    """The file of the token by which it writes to the relay-client; made when there is none."""
    file = folder / "write-token"
    secret_file.kept(file)
    return file


def argv(program: Path, folder: Path, listen: str) -> tuple[str, ...]:
    """The command line; its write-ahead log lies beside its configuration."""
    return (
        str(program),
        "--agent",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.agent.path={folder / 'wal'}",
        f"--web.listen-address={listen}",
        # What the relay does not take at the end waits in the log for the next start.
        "--storage.remote.flush-deadline=1s",
    )
