"""Where Redis is and how it is entered, as one URL: secrets and certificates come from files."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from redis.connection import parse_url

from controllers import environment
from controllers.environment import SettingsError
from controllers.store.sentinels import sentinels

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel")
URL = "NEUROX_REDIS_URL"
PASSWORD_FILE = "NEUROX_REDIS_PASSWORD_FILE"  # noqa: S105 - the name of a variable
SENTINEL_FILE = "NEUROX_REDIS_SENTINEL_PASSWORD_FILE"
TLS_DIR = "NEUROX_REDIS_TLS_DIR"


def redis_url(env: Mapping[str, str]) -> str:
    """What ``connection.connect`` takes. SettingsError names the variable, and never the URL."""
    url, query = environment.url(env, URL, SCHEMES), _certificates(env)
    if env.get(PASSWORD_FILE, "").strip():
        url = _with_password(url, environment.secret(env, PASSWORD_FILE))
    if "+sentinel://" in url:
        if not urlsplit(url).path.strip("/"):
            raise SettingsError(
                f"{URL} does not end with the name that the Sentinels watch; "
                "it takes redis+sentinel://HOST:26379,HOST:26379/NAME"
            )
        file = environment.path(env, SENTINEL_FILE)
        if file is not None and file.exists():  # Sentinels often ask for none
            query["sentinel_password"] = environment.secret(env, SENTINEL_FILE)
    if query:
        url += f"{'&' if urlsplit(url).query else '?'}{urlencode(query)}"
    try:
        if sentinels(url) is None:
            parse_url(url)
    except ValueError:
        raise SettingsError(f"{URL} has a host, port or option that cannot be read") from None
    return url


def _with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    name = user.partition(":")[0]
    return parts._replace(netloc=f"{name}:{quote(password, safe='')}@{host}").geturl()


def _certificates(env: Mapping[str, str]) -> dict[str, str]:
    folder = environment.folder(env, TLS_DIR)
    if folder is None:
        return {}
    if not env.get(URL, "").startswith("rediss"):
        raise SettingsError(f"{TLS_DIR} is of use only when {URL} begins with rediss://")
    found = {name: folder / name for name in ("ca.crt", "tls.crt", "tls.key")}
    there = {name: str(path) for name, path in found.items() if path.is_file()}
    if not there or ("tls.crt" in there) != ("tls.key" in there):
        raise SettingsError(
            f"{TLS_DIR} names {str(folder)!r}, which must hold ca.crt, or tls.crt with tls.key"
        )
    words = {"ca.crt": "ssl_ca_certs", "tls.crt": "ssl_certfile", "tls.key": "ssl_keyfile"}
    return {words[name]: path for name, path in there.items()}
