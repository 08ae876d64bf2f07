"""Calls over gRPC that a test holds in flight, and one mount in two guises."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import tritonclient.grpc as triton_grpc

from support import iris
from support.config import Config
from support.server import Server

Client = Any  # tritonclient publishes no types


def infer_input() -> Any:
    rows = np.array([iris.SETOSA], dtype=np.float32)
    entry = triton_grpc.InferInput("float_input", list(rows.shape), "FP32")
    entry.set_data_from_numpy(rows)
    return entry


class GrpcCalls:
    """A client of the listener `grpc`, whose calls run side by side with the test."""

    def __init__(self, config: Config, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        url = config.address("grpc")
        # Its own connection: by default clients of one address share theirs.
        options = [("grpc.use_local_subchannel_pool", 1)]
        self.client: Client = triton_grpc.InferenceServerClient(url, channel_args=options)

    def start(self, model: str) -> Future[Any]:
        return self._pool.submit(self.infer, model)

    def infer(self, model: str, timeout: float | None = 60) -> Any:
        """Without a timeout the server's own deadline holds."""
        return self.client.infer(model, [infer_input()], client_timeout=timeout)


@contextmanager
def grpc_calls(server: Server) -> Iterator[GrpcCalls]:
    with ThreadPoolExecutor(32) as pool:
        calls = GrpcCalls(server.config, pool)
        try:
            yield calls
        finally:
            calls.client.close()


def listens(address: tuple[str, int] | str) -> bool:
    """Whether a connection is taken there: at host and port, or at a Unix socket's path."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        try:
            client.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except ConnectionResetError:  # it came just as the listener closed
            return True
    return True
