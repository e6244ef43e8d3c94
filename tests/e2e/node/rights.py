"""What a cluster grants to our accounts, and what these did, by its audit log. No I/O."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

ACCOUNT = "system:serviceaccount:"
NAMESPACES = ("neurox-system", "neurox-system-agent")
"""Where our accounts are."""
Object = Mapping[str, Any]


@dataclass(frozen=True, order=True)
class Right:
    """``account`` is NAMESPACE:NAME; a namespace or name that is empty means each."""

    account: str
    verb: str
    resource: str
    """As kubectl writes it: pods, pods/log, jobs.batch."""
    namespace: str
    name: str

    def covers(self, use: "Right") -> bool:
        """Whether ``use`` is allowed by this."""
        asked = (self.account, self.verb, self.resource)
        return (
            asked == (use.account, use.verb, use.resource)
            and self.namespace in ("", use.namespace)
            and self.name in ("", use.name)
        )


def granted(objects: Iterable[Object]) -> set[Right]:
    """By roles and their bindings, cluster-wide ones too."""
    known = list(objects)
    rules = {_identity(one): one["rules"] or [] for one in known if one["kind"].endswith("Role")}
    return {
        right
        for binding in known
        if binding["kind"].endswith("Binding")
        for account in _accounts(binding)
        for rule in rules.get(_bound(binding), [])
        for right in _rights(account, binding["metadata"].get("namespace", ""), rule)
    }


def used(events: Iterable[Object]) -> set[Right]:
    """By what our accounts asked of objects; discovery is everybody's."""
    return {
        Right(
            event["user"]["username"].removeprefix(ACCOUNT),
            event["verb"],
            _resource(target["resource"], target.get("subresource"), target.get("apiGroup")),
            target.get("namespace", ""),
            target.get("name", ""),
        )
        for event in ours(events)
        if (target := event.get("objectRef"))
    }


def ours(events: Iterable[Object]) -> Iterator[Object]:
    """Events of our accounts."""
    whose = tuple(f"{ACCOUNT}{namespace}:" for namespace in NAMESPACES)
    return (event for event in events if event["user"]["username"].startswith(whose))


def queries(events: Iterable[Object], account: str) -> set[tuple[str, str, str, str]]:
    """Verb, resource, field selector and, of a list, the limit of what an account asked for."""
    found = set()
    for event in ours(events):
        if event["user"]["username"] == f"{ACCOUNT}{account}" and (on := event.get("objectRef")):
            asked = dict(parse_qsl(urlsplit(event["requestURI"]).query))
            limit = asked.get("limit", "") if event["verb"] == "list" else ""
            selector = asked.get("fieldSelector", "")
            found.add((event["verb"], on["resource"], selector, limit))
    return found


def read(log: str) -> list[Object]:
    """The events of an audit log whose last line may still be written."""
    return [json.loads(line) for line in log.rpartition("\n")[0].splitlines()]


def _identity(role: Object) -> tuple[str, str, str]:
    metadata = role["metadata"]
    return role["kind"], metadata.get("namespace", ""), metadata["name"]


def _bound(binding: Object) -> tuple[str, str, str]:
    to = binding["roleRef"]
    namespace = binding["metadata"].get("namespace", "") if to["kind"] == "Role" else ""
    return to["kind"], namespace, to["name"]


def _accounts(binding: Object) -> list[str]:
    return [
        f"{one['namespace']}:{one['name']}"
        for one in binding.get("subjects") or ()
        if one["kind"] == "ServiceAccount" and one["namespace"] in NAMESPACES
    ]


def _rights(account: str, namespace: str, rule: Object) -> Iterator[Right]:
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            kind, _, sub = resource.partition("/")
            for verb in rule["verbs"]:
                for name in rule.get("resourceNames") or ("",):
                    yield Right(account, verb, _resource(kind, sub, group), namespace, name)


def _resource(kind: str, sub: str | None, group: str | None) -> str:
    whole = f"{kind}.{group}" if group else kind
    return f"{whole}/{sub}" if sub else whole
