"""Keep in a Secret what a link tells; several relay-clients write the same one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from controllers.relay.client.kubernetes import KubernetesError, SecretChanged
from controllers.relay.event_loop import passed

log = logging.getLogger(__name__)
RETRY_SECONDS = 5.0


async def keep(news: asyncio.Event, written: Callable[[], Awaitable[None]], what: str) -> None:
    """Write whenever there are ``news``, until it is written, for ever; cancel it to stop."""
    while True:
        await news.wait()
        news.clear()
        try:
            await written()
        except SecretChanged:
            news.set()
        except KubernetesError as failure:
            log.warning("%s cannot be kept now: %s", what, failure)
            await passed(RETRY_SECONDS, news)
            news.set()
