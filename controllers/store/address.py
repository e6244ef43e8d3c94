"""Where Redis is: the URL from the settings, the password from a file."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

PASSWORD_FILE = "NEUROX_REDIS_PASSWORD_FILE"  # noqa: S105 - the name of a variable


class AddressError(Exception):
    """The password's file cannot be used; the message names the variable and the file."""


def with_password(url: str, env: Mapping[str, str]) -> str:
    """``url`` with the password in the file that NEUROX_REDIS_PASSWORD_FILE names, if it does."""
    file = env.get(PASSWORD_FILE, "").strip()
    if not file:
        return url
    try:
        password = Path(file).read_text().strip()
    except (OSError, UnicodeError) as failure:
        reason = getattr(failure, "strerror", None) or "not text"
        raise AddressError(
            f"{PASSWORD_FILE} names {file!r}, which cannot be read: {reason}"
        ) from None
    if not password:
        raise AddressError(f"{PASSWORD_FILE} names {file!r}, which is empty")
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return parts._replace(netloc=f"{name}:{quote(password, safe='')}@{host}").geturl()
