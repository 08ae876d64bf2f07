"""Fixtures of several files."""

from __future__ import annotations

from integration.language_models import models
from integration.remote_iris import gateway, proxies, services

__all__ = ["gateway", "models", "proxies", "services"]
