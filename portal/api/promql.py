"""Expressions for charts. Each selector carries a tenant, so nobody draws what he may not see."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from portal.api.thanos import LOOKBACK

LINE = "line"
"""The label that carries the name of a chart's line."""


@dataclass(frozen=True)
class Scope:
    """Series of one tenant: ``equal`` labels, and labels that are one of several values."""

    tenant: str
    equal: Mapping[str, str] = field(default_factory=dict)
    one_of: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def matchers(self) -> str:
        """The part between braces; the tenant always comes first."""
        parts = [f"tenant_id={quoted(self.tenant)}"]
        parts += [f"{label}={quoted(value)}" for label, value in self.equal.items()]
        for label, values in self.one_of.items():
            pattern = "|".join(sorted(map(re.escape, values)))
            parts.append(f"{label}=~{quoted(pattern)}")
        return "{" + ",".join(parts) + "}"


def quoted(text: str) -> str:
    """A PromQL string; whatever a cluster calls its things, it stays inside the quotes."""
    return json.dumps(text, ensure_ascii=False)


def selected(metric: str, scopes: Iterable[Scope], step: int, over: str = "avg") -> str:
    """The metric in all the scopes; steps longer than the lookback take each step's average."""
    window = f"[{step}s]" if step > int(LOOKBACK[:-1]) else ""
    each = (f"{metric}{scope.matchers()}{window}" for scope in scopes)
    return " or ".join(f"{over}_over_time({one})" if window else one for one in each)


def named(expression: str, line: str) -> str:
    """The expression's one series under the name of a line."""
    return f'label_replace({expression}, "{LINE}", {quoted(line.replace("$", "$$"))}, "", "")'


def together(expressions: Iterable[str]) -> str:
    """Several lines as one query."""
    return " or ".join(expressions)
