"""The Python SDK of Neurox: ``Client`` speaks the public API and nothing else."""

from portal.client.client import Client
from portal.client.errors import ApiError, NotSignedIn, OtherVersion, Unavailable

__all__ = ["ApiError", "Client", "NotSignedIn", "OtherVersion", "Unavailable"]
