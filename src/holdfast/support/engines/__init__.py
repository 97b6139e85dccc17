"""Engines: the local one, and one on pydantic-ai for any service with OpenAI's interface.

This package needs the extra `support`.
"""

from holdfast.support.engines.conversing import ConversingEngine
from holdfast.support.engines.local import LocalEngine
from holdfast.support.engines.opening import open_engine
from holdfast.support.engines.settings import EngineSettings

__all__ = ["ConversingEngine", "EngineSettings", "LocalEngine", "open_engine"]
