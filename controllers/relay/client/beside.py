"""What the relay-client that runs here says of itself, at its own port."""

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from controllers.environment import Address
from controllers.relay.barred import FIX
from controllers.relay.call import Answer, Call, CallFailed, HttpClient, Origin
from controllers.relay.client.gateway import ABOUT_SAMPLES
from controllers.relay.client.stage import ANOTHER, LOGS, NOT_LOOKED_AT, Stage
from controllers.relay.client.standing import PATH, Standing, Written

SECONDS = 5.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what it listens on
_PREFIX = "neurox_relay_client_"
Samples = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Beside:
    """The tunnel and the endpoint for the cluster's Prometheus, and what was refused."""

    stages: tuple[Stage, Stage]
    standing: Standing


async def beside(listen: Address) -> Beside:
    """Ask the relay-client here."""
    address = Address(_EVERYWHERE.get(listen.host, listen.host), listen.port)
    client = HttpClient(Origin(*address))
    try:
        ready = await client.send(Call("GET", "/readyz"), SECONDS)
        measured = await client.send(Call("GET", "/metrics"), SECONDS)
        # Without the token, so nothing is written: who is told that it is missing reached the end.
        refused = await client.send(Call("POST", "/api/v1/write"), SECONDS)
        standing = _standing(await client.send(Call("GET", PATH), SECONDS))
    except CallFailed as failure:
        says = f"the relay-client does not answer here: {failure}"
        fix = "See that its pod runs: kubectl -n neurox-system get pods."
        tunnel = Stage("tunnel", "Tunnel", "failed", says, fix, LOGS)
        metrics = Stage("metrics", "Metrics endpoint", "waiting", NOT_LOOKED_AT)
        return Beside((tunnel, metrics), Standing())
    finally:
        client.close()
    samples = _samples(measured)
    return Beside(
        (_tunnel(ready, samples), _metrics(refused, samples, address, standing.written)), standing
    )


def _tunnel(ready: Answer, samples: Samples) -> Stage:
    if ready.status != 200:
        fix = "The stages before say what is in the way; else the relay-client's log does."
        return Stage("tunnel", "Tunnel", "failed", _detail(ready), fix, LOGS)
    count = sum(samples.get(("connections", state), 0) for state in ("idle", "streaming"))
    trip = samples.get(("round_trip_seconds", ""))
    says = f"{count:.0f} connections" + (f", round trip {trip * 1000:.0f} ms" if trip else "")
    return Stage("tunnel", "Tunnel", "ok", says)


def _metrics(refused: Answer, samples: Samples, address: Address, last: Written | None) -> Stage:
    key, label = "metrics", "Metrics endpoint"
    if refused.status != 401:
        fix = "The relay-client fills Secret neurox-write-token itself; run helm upgrade again."
        return Stage(key, label, "failed", _detail(refused), fix, LOGS)
    written = {status: n for (name, status), n in samples.items() if name == "writes_total"}
    counts = ", ".join(f"{status}: {n:.0f}" for status, n in sorted(written.items()))
    says = f"{address} takes metrics; passed on, by answer: {counts or 'none yet'}"
    if last is None or last.status < 300 or last.status in ABOUT_SAMPLES:
        return Stage(key, label, "ok", says)
    says += f"; the last, at {datetime.fromtimestamp(last.at, UTC):%Y-%m-%d %H:%M:%S} UTC, were "
    says += f"answered {last.status}" + (f": {last.words}" if last.words else "")
    return Stage(key, label, "failed", says, _refused_fix(last.status, last.barred), LOGS)


def _refused_fix(status: int, barred: bool) -> str:
    """What to do about metrics that are answered so."""
    kept = "Prometheus keeps its samples for about two hours"
    if barred:
        return f"{FIX} {kept}."
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"{ANOTHER} {kept}."
    return (
        "If the stages before are well, see the log of the control plane's relay-server, and its "
        f"metrics store. {kept}, and sends them again."
    )


def _standing(answer: Answer) -> Standing:
    try:
        return msgspec.json.decode(answer.body, type=Standing)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Standing()  # something else answers here, as the other stages say


def _samples(answer: Answer) -> Samples:
    """By name without our prefix, and the one label, if it has any."""
    try:
        return {
            (each.name.removeprefix(_PREFIX), next(iter(each.labels.values()), "")): each.value
            for family in text_string_to_metric_families(answer.body.decode())
            for each in family.samples
        }
    except ValueError:
        return {}


def _detail(answer: Answer) -> str:
    strange = f"something else than the relay-client answers here ({answer.status})"
    return answer.detail or strange
