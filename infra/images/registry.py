"""Asks an image registry for the digest behind a tag: two calls of the OCI distribution API."""

import re

import requests

from infra.images.errors import ImageError

_SECONDS = 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
# An index before a manifest, so that one digest serves every architecture.
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


def digest(repository: str, tag: str) -> str:
    """The digest that ``repository:tag`` has now; ImageError when the registry does not say."""
    host, path = place(repository)
    try:
        with requests.Session() as session:
            answer = _manifest(session, f"{_scheme(host)}://{host}/v2/{path}/manifests/{tag}")
    except requests.RequestException as error:
        raise ImageError(
            f"{repository}:{tag}: {host} cannot be reached ({type(error).__name__})."
        ) from error
    if answer.status_code != requests.codes.ok:
        raise ImageError(f"{repository}:{tag}: {host} answered {answer.status_code}.")
    found = answer.headers.get("Docker-Content-Digest", "")
    if not _DIGEST.fullmatch(found):
        raise ImageError(f"{repository}:{tag}: {host} named no sha256 digest.")
    return found


def place(repository: str) -> tuple[str, str]:
    """Host and path of a repository, with Docker Hub for a name without a host."""
    first, _, rest = repository.partition("/")
    if not rest or not ("." in first or ":" in first or first == "localhost"):
        first, rest = "docker.io", repository
    if first == "docker.io":
        return "registry-1.docker.io", rest if "/" in rest else f"library/{rest}"
    return first, rest


def _manifest(session: requests.Session, url: str) -> requests.Response:
    answer = session.head(url, headers={"Accept": _ACCEPT}, timeout=_SECONDS)
    if answer.status_code != requests.codes.unauthorized:
        return answer
    headers = {"Accept": _ACCEPT, "Authorization": f"Bearer {_token(session, answer)}"}
    return session.head(url, headers=headers, timeout=_SECONDS)


def _token(session: requests.Session, refused: requests.Response) -> str:
    """An anonymous token from where the registry sends us."""
    kind, _, rest = refused.headers.get("WWW-Authenticate", "").partition(" ")
    asked = dict(_PARAMETER.findall(rest))
    if kind.lower() != "bearer" or "realm" not in asked:
        raise ImageError(f"{refused.url}: the registry wants a password; only public images work.")
    answer = session.get(asked.pop("realm"), params=asked, timeout=_SECONDS)
    try:
        answer.raise_for_status()
        said = answer.json()
        return str(said.get("token") or said["access_token"])
    except (ValueError, KeyError, AttributeError) as error:
        raise ImageError(f"{answer.url}: the answer holds no token.") from error


def _scheme(host: str) -> str:
    # As docker does it: plain HTTP for this machine alone.
    return "http" if host.partition(":")[0] in {"localhost", "127.0.0.1"} else "https"
