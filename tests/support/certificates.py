"""Throw-away certificates for localhost, made by the openssl command."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path

    def kept_in(self, directory: Path) -> Certificate:
        """A copy, before others are written in place of these."""
        shutil.copytree(self.certificate.parent, directory)
        return Certificate(directory / self.certificate.name, directory / self.key.name)


def self_signed(directory: Path, common_name: str = "localhost") -> Certificate:
    """A fresh key and certificate as PEM files, valid a day, written in place of older ones."""
    directory.mkdir(parents=True, exist_ok=True)
    pair = Certificate(directory / "certificate.pem", directory / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={common_name}"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(pair.key), "-out", str(pair.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return pair
