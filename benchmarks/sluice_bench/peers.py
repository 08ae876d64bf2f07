"""The servers that Sluice is measured against, each on the server core."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from .context import BENCHMARKS, BODY, CLASSES, INFER_BODY, Context, model
from .processes import LOAD_CORE, Server, free_port

PEERS = BENCHMARKS / "peers"


@contextmanager
def nginx(context: Context) -> Iterator[Server]:
    port, folder = free_port(), context.out / "nginx"
    folder.mkdir(parents=True, exist_ok=True)
    text = (PEERS / "nginx.conf").read_text(encoding="utf-8")
    conf = folder / "nginx.conf"
    conf.write_text(text.replace("%PORT%", str(port)).replace("%FOLDER%", str(folder)))
    command = [context.program("nginx"), "-p", str(folder), "-c", str(conf), "-e", "stderr"]
    with Server("nginx", command, folder / "log") as server:
        server.port = port
        server.wait_for(port, "/health")
        yield server


def uvicorn(context: Context, app: str, environment: dict[str, str]) -> Server:
    port = free_port()
    command = [
        str(context.python("benchmarks")), "-m", "uvicorn", app, "--host", "127.0.0.1",
        "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
        "--log-level", "warning",
    ]  # fmt: skip
    name = app.partition(":")[0]
    log = context.out / "seed" / f"{name}-{port}.log"
    server = Server(f"seed's {name}", command, log, environment=environment, folder=PEERS / "seed")
    server.port = port
    return server


@contextmanager
def seed_service(context: Context, name: str) -> Iterator[Server]:
    with uvicorn(context, "service:app", {"MODEL_PATH": str(model(name))}) as server:
        server.wait_for(server.port, "/predict", body=BODY)
        yield server


@contextmanager
def seed_proxy(context: Context, *, keep_client: bool) -> Iterator[list[Server]]:
    """The proxy, then its three services. All share the server core, as all of Sluice does."""
    with ExitStack() as stack:
        services = [stack.enter_context(seed_service(context, name)) for name in CLASSES]
        addresses = {
            name: f"http://127.0.0.1:{service.port}"
            for name, service in zip(CLASSES, services, strict=True)
        }
        environment = {
            "SERVICES": json.dumps(addresses),
            "KEEP_CLIENT": "1" if keep_client else "0",
        }
        proxy = stack.enter_context(uvicorn(context, "proxy:app", environment))
        proxy.wait_for(proxy.port, "/predict", body=BODY)
        yield [proxy, *services]


@contextmanager
def mlserver(context: Context) -> Iterator[Server]:
    port = free_port()
    python = context.python("mlserver")
    environment = {
        "MODEL_PATH": str(model("setosa")),
        "MLSERVER_HTTP_PORT": str(port),
        "MLSERVER_GRPC_PORT": str(free_port()),
    }
    command = [str(python.with_name("mlserver")), "start", str(PEERS / "mlserver")]
    log = context.out / "mlserver" / "log"
    with Server("MLServer", command, log, environment=environment) as server:
        server.port = port
        server.wait_for(port, "/v2/models/setosa/infer", body=INFER_BODY)
        yield server


@contextmanager
def grpc_constant(context: Context) -> Iterator[Server]:
    command = [context.native.path("grpc_constant_server")]
    log = context.out / "grpc_constant.log"
    with Server("bare grpc++", command, log, prints_port=True) as server:
        yield server


@contextmanager
def slow_member(
    context: Context, delay_ms: float, *, prediction: str = "0.9,0.1", silent: bool = False
) -> Iterator[Server]:
    """A remote member on the load's core, where the one caller only waits for it."""
    command = [
        context.native.path("slow_member"), "--delay_ms", str(delay_ms),
        "--prediction", prediction, "--silent", str(int(silent)),
    ]  # fmt: skip
    log = context.out / "slow_member.log"
    with Server("slow member", command, log, core=LOAD_CORE, prints_port=True) as server:
        yield server
