"""Programs run against the SDK's mocks; every registration is kept as the engine would see it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from google.protobuf import json_format
from pulumi.runtime import mocks, set_mocks

SECRET = "4dabf18193072939515e22adb298388d"
"""The key by which a secret value says on the wire that it is one."""
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """The SDK wants a current event loop; whoever ran one before has left none."""
    made = asyncio.new_event_loop()
    asyncio.set_event_loop(made)
    yield
    asyncio.set_event_loop(None)
    made.close()


@dataclass
class Registered:
    """One resource: what was asked of the engine."""

    type: str
    name: str
    inputs: dict[str, Any]
    plain: dict[str, Any]
    shown: dict[str, Any]
    depends_on: list[str]
    provider: str
    request: Any


@dataclass
class Deployed:
    """What a program registered, in order, and what it returned."""

    resources: list[Registered] = field(default_factory=list)
    outputs: dict[str, tuple[Any, bool]] = field(default_factory=dict)
    """Value, and whether it is secret."""

    def one(self, type_: str, name: str) -> Registered:
        """The resource of that kind and name; fails unless there is just one."""
        found = [r for r in self.resources if r.type.endswith(f":{type_}") and r.name == name]
        assert len(found) == 1, [(r.type, r.name) for r in self.resources]
        return found[0]

    def names(self, type_: str) -> list[str]:
        return [r.name for r in self.resources if r.type.endswith(f":{type_}")]


class Provider(mocks.Mocks):
    """Answers as the engine and the provider of Kubernetes do."""

    def __init__(self, preview: bool, stashed: dict[str, Any]) -> None:
        self._preview = preview
        self._stashed = stashed

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        given = dict(args.inputs)
        if args.typ == "pulumi:index:Stash":
            # What it was given first; what is given later is ignored, as it is asked to be.
            known = self._stashed.get(args.name, plain(given["input"]))
            if not self._preview:
                self._stashed[args.name] = known
            return args.name, {"input": known, "output": known}
        if self._preview:
            return "", given
        if args.typ == "kubernetes:helm.sh/v3:Release":
            return f"{given['namespace']}/{given['name']}", {**given, "status": {"revision": 1}}
        if args.resource_id:
            return args.resource_id, {"data": {"ca.crt": CA}}
        return args.name, given

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"{args.token} is called, which needs a cluster")


class Monitor(mocks.MockMonitor):
    """Keeps what passes by."""

    def __init__(self, deployed: Deployed, preview: bool, stashed: dict[str, Any]) -> None:
        super().__init__(Provider(preview, stashed))
        self._deployed = deployed

    def RegisterResource(self, request: Any) -> Any:
        if request.type != "pulumi:pulumi:Stack":
            self._keep(request, request.object)
        return super().RegisterResource(request)

    def ReadResource(self, request: Any) -> Any:
        self._keep(request, request.properties)
        return super().ReadResource(request)

    def _keep(self, request: Any, properties: Any) -> None:
        inputs = json_format.MessageToDict(properties)
        self._deployed.resources.append(
            Registered(
                request.type,
                request.name,
                inputs,
                plain(inputs),
                shown(inputs),
                [urn.rpartition("::")[2] for urn in request.dependencies],
                request.provider,
                request,
            )
        )


def plain(value: Any) -> Any:
    """The value without the marks of secrets."""
    if isinstance(value, dict) and SECRET in value:
        return plain(value["value"])
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def shown(value: Any) -> Any:
    """The value without what is marked as secret."""
    if isinstance(value, dict):
        return {} if SECRET in value else {key: shown(each) for key, each in value.items()}
    return [shown(each) for each in value] if isinstance(value, list) else value


Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy() -> Deploy:
    """Runs a program that returns its outputs by name; all runs of a test are of one stack."""
    stashed: dict[str, Any] = {}

    def run(
        program: Callable[[], dict[str, pulumi.Output[Any]]], preview: bool = False
    ) -> Deployed:
        deployed = Deployed()
        monitor = Monitor(deployed, preview, stashed)
        set_mocks(monitor.mocks, "neurox", "test", preview=preview, monitor=monitor)

        @pulumi.runtime.test
        def awaited() -> pulumi.Output[Any]:
            async def kept(output: pulumi.Output[Any]) -> tuple[Any, bool]:
                return await output.future(), await output.is_secret()

            async def all_of(outputs: dict[str, pulumi.Output[Any]]) -> None:
                for name, output in outputs.items():
                    deployed.outputs[name] = await kept(output)

            return pulumi.Output.from_input(all_of(program()))

        awaited()
        return deployed

    return run
