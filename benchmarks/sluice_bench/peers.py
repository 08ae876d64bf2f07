"""The servers that Sluice is measured against, each on the server core."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from .context import BENCHMARKS, BODY, CLASSES, INFER_BODY, Context, model
from .processes import LOAD_CORE, SERVER_CORE, Server, free_port

PEERS = BENCHMARKS / "peers"


@contextmanager
def nginx(context: Context, behind: int | None = None) -> Iterator[Server]:
    """Answers a constant at /health, and hands all else on to the port `behind`."""
    port, folder = free_port(), context.out / "nginx"
    folder.mkdir(parents=True, exist_ok=True)
    text = (PEERS / "nginx.conf").read_text(encoding="utf-8")
    fillings = {"%PORT%": port, "%FOLDER%": folder, "%BEHIND%": behind or free_port()}
    for mark, filling in fillings.items():
        text = text.replace(mark, str(filling))
    conf = folder / "nginx.conf"
    conf.write_text(text, encoding="utf-8")
    command = [context.program("nginx"), "-p", str(folder), "-c", str(conf), "-e", "stderr"]
    with Server("nginx", command, folder / "log") as server:
        server.port = port
        server.wait_for(port, "/health")
        yield server


def uvicorn(
    context: Context,
    app: str,
    environment: dict[str, str],
    *,
    folder: str = "seed",
    core: int | str = SERVER_CORE,
) -> Server:
    port = free_port()
    command = [
        str(context.python("benchmarks")), "-m", "uvicorn", app, "--host", "127.0.0.1",
        "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
        "--log-level", "warning",
    ]  # fmt: skip
    name = app.partition(":")[0]
    log = context.out / folder / f"{name}-{port}.log"
    server = Server(
        f"{folder}/{name}", command, log, core=core, environment=environment,
        folder=PEERS / folder,
    )  # fmt: skip
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
def mlserver(context: Context, *, lean: bool) -> Iterator[list[Server]]:
    """As it comes, but for its access log; or without its worker process, metrics and gzip."""
    port = free_port()
    python = context.python("mlserver")
    settings = {"debug": False, "host": "127.0.0.1", "http_port": port, "grpc_port": free_port()}
    if lean:
        settings |= {"parallel_workers": 0, "metrics_endpoint": None, "gzip_enabled": False}
    else:
        settings |= {"metrics_port": free_port()}
    folder = context.out / "mlserver" / ("lean" if lean else "default")
    shutil.copytree(PEERS / "mlserver", folder, dirs_exist_ok=True)
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    command = [str(python.with_name("mlserver")), "start", str(folder)]
    environment = {"MODEL_PATH": str(model("setosa"))}
    with Server("MLServer", command, folder / "log", environment=environment) as server:
        server.port = port
        server.wait_for(port, "/v2/models/setosa/infer", body=INFER_BODY)
        yield [server]


@contextmanager
def grpc_constant(context: Context) -> Iterator[Server]:
    command = [context.native.path("grpc_constant_server")]
    log = context.out / "grpc_constant.log"
    with Server("bare grpc++", command, log, prints_port=True) as server:
        yield server


@contextmanager
def slow_member(
    context: Context, delay_ms: float, *, silent: bool = False, core: int = LOAD_CORE
) -> Iterator[Server]:
    """A remote member, on the load's core, where the one caller only waits for it."""
    command = [
        context.native.path("slow_member"), "--delay_ms", str(delay_ms),
        "--prediction", "0.9,0.1", "--silent", str(int(silent)),
    ]  # fmt: skip
    log = context.out / "slow_member.log"
    with Server("slow member", command, log, core=core, prints_port=True) as server:
        yield server
