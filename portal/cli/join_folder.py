"""A folder with one join Secret a cluster, readable by its owner alone."""

import os
import tempfile
from pathlib import Path

from controllers.relay import join
from controllers.relay.kubeconfig import KubeconfigError, decoded, parse_kubeconfig
from portal.cli.failure import CONFLICT, USAGE, CommandFailed


class JoinFolder:
    """Files NAME.yaml, mode 0600; each is whole or not there."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def make(self) -> None:
        """The folder, before any token is made for nothing. CommandFailed."""
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as failure:
            raise CommandFailed(
                f"--output-dir {self._path} cannot be made: {failure.strerror}", USAGE
            ) from None
        if not os.access(self._path, os.W_OK | os.X_OK):
            raise CommandFailed(f"--output-dir {self._path} cannot be written to", USAGE)

    def file(self, name: str) -> Path:
        """Where the Secret of the cluster is, or will be."""
        return self._path / f"{name}.yaml"

    def token_id(self, name: str) -> str:
        """Of the token that is there; empty: none is. CommandFailed when it is something else."""
        file = self.file(name)
        try:
            kubeconfig = join.kubeconfig_of(decoded(file.read_bytes()))
            return parse_kubeconfig(kubeconfig).token.split("_")[1]
        except FileNotFoundError:
            return ""
        except OSError as failure:
            raise CommandFailed(f"{file} cannot be read: {failure.strerror}") from None
        except (KubeconfigError, IndexError):
            raise CommandFailed(
                f"{file} is there and is no join Secret; move it away", CONFLICT
            ) from None

    def write(self, name: str, secret: str) -> Path:
        """Put the Secret there, in the place of a former one. CommandFailed."""
        file = self.file(name)
        try:
            handle, unfinished = tempfile.mkstemp(dir=self._path, prefix=f".{name}.")
            try:
                with os.fdopen(handle, "w") as out:
                    out.write(secret)
                    out.flush()
                    os.fsync(out.fileno())
                Path(unfinished).replace(file)
            except BaseException:
                Path(unfinished).unlink(missing_ok=True)
                raise
        except OSError as failure:
            raise CommandFailed(f"{file} cannot be written: {failure.strerror}") from None
        return file
