"""The rows of requests a second: nginx, the library, the seed's stack, MLServer, grpc++."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack

from . import peers
from .context import BODY, CLASSES, INFER_BODY, Context, model
from .load import Rate, Rates, interleaved, measured, wrk
from .processes import Server
from .report import Row, number
from .sluice import sluice

HEALTH_AT_LEAST = 0.95
PREDICT_AT_LEAST = 0.8
SEED_SERVICE_AT_LEAST = 15
SEED_PROXY_AT_LEAST = 500
MLSERVER_AT_LEAST = 50
GRPC_AT_LEAST = 0.7


def under_wrk(
    context: Context, servers: Sequence[Server], port: int, path: str, body: str
) -> Callable[[], Rate]:
    """One run of wrk after a second of warming up at the first call."""
    wrk(port, path, body, 1)
    return lambda: measured(servers, lambda: wrk(port, path, body, context.seconds))


def doubts(**all_rates: Rates) -> str:
    found = []
    for name, rates in all_rates.items():
        if not rates.saturated:
            shares = sorted(run.server_share for run in rates.runs)
            found.append(f"{name} had only {shares[len(shares) // 2]:.0%} of its core")
        if rates.errors:
            found.append(f"{rates.errors} errors from {name}")
    return ", ".join(found)


def ratio_row(name: str, what: str, ours: Rates, theirs: Rates, at_least: float | None) -> Row:
    return Row(
        name=name,
        what=what,
        value=ours.per_second / theirs.per_second,
        at_least=at_least,
        note=(
            f"{number(ours.per_second)}/s against {number(theirs.per_second)}/s; "
            f"per CPU second {ours.per_cpu_second / theirs.per_cpu_second:.3g} x"
        ),
        unsure=doubts(sluice=ours, other=theirs),
        raw={"sluice": ours.raw(), "other": theirs.raw()},
    )


def limit_row(name: str, what: str, ours: Rates, nginx: Rates, run_us: Sequence[float]) -> Row:
    """Held against 1 / (time of an nginx request + time of the bare runs)."""
    limit = 1e6 / (1e6 / nginx.per_second + sum(run_us))
    return Row(
        name=name,
        what=what,
        value=ours.per_second / limit,
        at_least=PREDICT_AT_LEAST,
        note=(
            f"{number(ours.per_second)}/s against a limit of {number(limit)}/s "
            f"({1e6 / nginx.per_second:.1f} us nginx + {sum(run_us):.1f} us in ONNX Runtime)"
        ),
        unsure=doubts(sluice=ours, nginx=nginx),
        raw={"sluice": ours.raw(), "nginx": nginx.raw(), "run_us": list(run_us)},
    )


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def against_the_limit(context: Context) -> list[Row]:
    """`GET /health`, one classifier and the ensemble of three; nginx and ONNX Runtime alone."""
    with ExitStack() as stack:
        nginx = stack.enter_context(peers.nginx(context))
        ours = stack.enter_context(sluice(context, "local"))
        found = interleaved(
            context.rounds,
            {
                "nginx": under_wrk(context, [nginx], nginx.port, "/health", ""),
                "health": under_wrk(context, [ours.server], ours.ports.service, "/health", ""),
                "predict": under_wrk(context, [ours.server], ours.ports.service, "/predict", BODY),
                "ensemble": under_wrk(context, [ours.server], ours.ports.proxy, "/predict", BODY),
                **{name: bare_run(context, name) for name in CLASSES},
            },
        )
    rates = {name: Rates(tuple(found[name])) for name in ("nginx", "health", "predict", "ensemble")}
    runs = [median(found[name]) for name in CLASSES]
    return [
        ratio_row(
            "health", "GET /health / nginx", rates["health"], rates["nginx"], HEALTH_AT_LEAST
        ),
        limit_row("predict", "POST /predict / limit", rates["predict"], rates["nginx"], runs[:1]),
        limit_row("ensemble", "ensemble of three / limit", rates["ensemble"], rates["nginx"], runs),
    ]


def bare_run(context: Context, name: str) -> Callable[[], float]:
    return lambda: context.native.ort_run(model(name), 0.5)


def against_the_seed_service(context: Context) -> list[Row]:
    with ExitStack() as stack:
        theirs = stack.enter_context(peers.seed_service(context, "setosa"))
        ours = stack.enter_context(sluice(context, "local"))
        found = interleaved(
            context.rounds,
            {
                "sluice": under_wrk(context, [ours.server], ours.ports.service, "/predict", BODY),
                "seed": under_wrk(context, [theirs], theirs.port, "/predict", BODY),
            },
        )
    mine, other = Rates(tuple(found["sluice"])), Rates(tuple(found["seed"]))
    what = "POST /predict / seed's service"
    return [ratio_row("seed_service", what, mine, other, SEED_SERVICE_AT_LEAST)]


def against_the_seed_proxy(context: Context) -> list[Row]:
    """Twice: as it was, a client opened for each request, and with one client kept (no target)."""
    rows = []
    for keep, name, what, at_least in (
        (False, "seed_proxy", "ensemble / seed's proxy", SEED_PROXY_AT_LEAST),
        (True, "seed_proxy_kept", "ensemble / seed's proxy, client kept", None),
    ):
        with ExitStack() as stack:
            theirs = stack.enter_context(peers.seed_proxy(context, keep_client=keep))
            ours = stack.enter_context(sluice(context, "local"))
            proxy = theirs[0].port
            found = interleaved(
                context.rounds,
                {
                    "sluice": under_wrk(context, [ours.server], ours.ports.proxy, "/predict", BODY),
                    "seed": under_wrk(context, theirs, proxy, "/predict", BODY),
                },
            )
        mine, other = Rates(tuple(found["sluice"])), Rates(tuple(found["seed"]))
        rows.append(ratio_row(name, what, mine, other, at_least))
    return rows


def against_mlserver(context: Context) -> list[Row]:
    """Twice: as it comes, and with what can be turned off turned off (no target)."""
    path = "/v2/models/setosa/infer"
    rows = []
    for lean, name, what, at_least in (
        (False, "mlserver", "V2 REST infer / MLServer", MLSERVER_AT_LEAST),
        (True, "mlserver_lean", "V2 REST infer / MLServer, in one process", None),
    ):
        with ExitStack() as stack:
            theirs = stack.enter_context(peers.mlserver(context, lean=lean))
            ours = stack.enter_context(sluice(context, "local"))
            port = theirs[0].port
            found = interleaved(
                context.rounds,
                {
                    "sluice": under_wrk(context, [ours.server], ours.ports.infer, path, INFER_BODY),
                    "mlserver": under_wrk(context, theirs, port, path, INFER_BODY),
                },
            )
        mine, other = Rates(tuple(found["sluice"])), Rates(tuple(found["mlserver"]))
        rows.append(ratio_row(name, what, mine, other, at_least))
    return rows


def against_bare_grpc(context: Context) -> list[Row]:
    def load(server: Server, port: int) -> Callable[[], Rate]:
        return lambda: measured([server], lambda: context.native.grpc(port, context.seconds))

    with ExitStack() as stack:
        theirs = stack.enter_context(peers.grpc_constant(context))
        ours = stack.enter_context(sluice(context, "local"))
        found = interleaved(
            context.rounds,
            {
                "sluice": load(ours.server, ours.ports.grpc),
                "grpc": load(theirs, theirs.port),
            },
        )
    mine, other = Rates(tuple(found["sluice"])), Rates(tuple(found["grpc"]))
    return [ratio_row("grpc", "V2 gRPC infer / bare grpc++", mine, other, GRPC_AT_LEAST)]
