"""The service: sessions and the support agent over HTTP."""

from holdfast.server.app import create_app
from holdfast.server.settings import InvalidSettings, Settings

__all__ = ["InvalidSettings", "Settings", "create_app"]
