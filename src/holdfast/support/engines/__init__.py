"""Engines on pydantic-ai: the local one, and any service with OpenAI's interface.

This package needs the extra `support`.
"""

from holdfast.support.engines.conversing import ConversingEngine
from holdfast.support.engines.local import LocalModel
from holdfast.support.engines.opening import open_engine
from holdfast.support.engines.settings import EngineSettings

__all__ = ["ConversingEngine", "EngineSettings", "LocalModel", "open_engine"]
