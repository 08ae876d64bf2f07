"""Fixtures of several files."""

from __future__ import annotations

from integration.remote_iris import gateway, proxies, services

__all__ = ["gateway", "proxies", "services"]
