"""The portal's pages: server-rendered, a pure client of the API."""

from portal.pages.app import create_app
from portal.pages.settings import Settings, SettingsError

__all__ = ["Settings", "SettingsError", "create_app"]
