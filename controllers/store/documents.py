"""Named documents of one kind: pools, groups, projects, quotas."""

from collections.abc import Callable
from typing import Generic, TypeVar, cast

import msgspec
from redis import Redis
from redis.client import Pipeline

from controllers.domain.errors import NotFound

Document = TypeVar("Document")


class Documents(Generic[Document]):
    """A Redis hash with one JSON document a name. A quota's name is ``pool/group``."""

    def __init__(self, redis: Redis, key: str, kind: type[Document]) -> None:
        self._redis = redis
        self._key = key
        self._noun = key.rsplit(":", 1)[-1].removesuffix("s")
        self._decoder = msgspec.json.Decoder(kind)

    def get(self, name: str) -> Document:
        """The document of that name; NotFound when there is none."""
        row = cast(bytes | None, self._redis.hget(self._key, name))
        if row is None:
            raise NotFound(f"there is no {self._noun} {name!r}")
        return self._decoder.decode(row)

    def all(self) -> dict[str, Document]:
        """Every document, by name, in order of names."""
        rows = cast(dict[bytes, bytes], self._redis.hgetall(self._key))
        return {name.decode(): self._decoder.decode(rows[name]) for name in sorted(rows)}

    def put(self, name: str, document: Document) -> None:
        """Create or replace."""
        self._redis.hset(self._key, name, msgspec.json.encode(document))

    def change(
        self, decide: Callable[[dict[str, Document]], dict[str, Document]]
    ) -> dict[str, Document]:
        """Write what ``decide`` makes of all documents, which is returned; nobody else can write in
        between.

        ``decide`` may be called again when somebody did, and may raise to change nothing.
        """

        def write(pipeline: Pipeline) -> dict[str, Document]:
            rows = cast(dict[bytes, bytes], pipeline.hgetall(self._key))
            before = {name.decode(): self._decoder.decode(row) for name, row in rows.items()}
            after = decide(dict(before))
            pipeline.multi()
            for name in before.keys() - after.keys():
                pipeline.hdel(self._key, name)
            for name, document in after.items():
                if name not in before or before[name] != document:
                    pipeline.hset(self._key, name, msgspec.json.encode(document))
            return after

        made = self._redis.transaction(
            write,  # type: ignore[arg-type]  # they forget ``value_from_callable``
            self._key,
            value_from_callable=True,
        )
        return cast(dict[str, Document], made)

    def remove(self, name: str) -> None:
        """Forget the document; NotFound when there is none."""
        if not self._redis.hdel(self._key, name):
            raise NotFound(f"there is no {self._noun} {name!r}")
