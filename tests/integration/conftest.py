"""Fixtures of several files."""

from __future__ import annotations

from integration.language_models import models
from integration.remote_iris import gateway, proxies, services
from integration.wire_engines import engine, start

__all__ = ["engine", "gateway", "models", "proxies", "services", "start"]
