"""Joining: a key is made and kept first, and only then the token is redeemed."""

import json
import logging
import re
import ssl
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from controllers.relay import barred, hub_key
from controllers.relay.call import Call, CallFailed, HttpClient, Origin
from controllers.relay.client.keyring import Kept, Keyring, Member
from controllers.relay.client.kubernetes import Kubernetes
from controllers.relay.client.trust import Trust
from controllers.relay.identity import IdentityError, PrivateKey
from controllers.relay.kubeconfig import KubeconfigError, decoded, parse_kubeconfig
from controllers.relay.proxy import DIRECT, Proxies

log = logging.getLogger(__name__)
JOIN_PATH = "/relay/v1/join"
ANSWER_SECONDS = 15.0
UNSAID = "the hub refused without a reason; is its address right?"
_CLUSTER = re.compile(r"[A-Za-z0-9-]{1,64}")
_TOKEN = re.compile(r"nxj_[0-9a-f]{16}_[A-Za-z0-9_-]{43}")


class JoinFailed(Exception):
    """Not joined; the message says what to do."""


@dataclass(frozen=True)
class Invitation:
    """What the join Secret says."""

    server: str
    ca_pem: str | None
    token: str = field(repr=False)

    @property
    def token_id(self) -> str:
        """The part of the token that is no secret."""
        return self.token.split("_")[1]


def invitation(file: Path | None) -> Invitation | None:
    """What the file says; None when there is no file. JoinFailed when it is not ours."""
    if file is None:
        return None
    try:
        parsed = parse_kubeconfig(decoded(file.read_bytes()))
    except FileNotFoundError:
        _require_no_other_key(file)
        return None
    except OSError as failure:
        raise JoinFailed(f"{file} cannot be read: {failure.strerror}") from None
    except KubeconfigError as failure:
        raise JoinFailed(f"the join Secret cannot be used: {failure}") from None
    if not parsed.server.endswith(JOIN_PATH):
        raise JoinFailed(f"the join Secret's server does not end in {JOIN_PATH}; it is not ours")
    if not parsed.token.startswith("nxj_"):
        raise JoinFailed("the join Secret's token does not begin with nxj_; it is not ours")
    if not _TOKEN.fullmatch(parsed.token):
        raise JoinFailed("the join Secret's token was cut or changed; copy the Secret whole")
    return Invitation(parsed.server.removesuffix(JOIN_PATH), parsed.ca_pem, parsed.token)


def _require_no_other_key(file: Path) -> None:
    """A mounted Secret with other keys is a mistake; none at all is just early.

    The kubelet makes ``..data`` for an optional Secret that is not there, too.
    """
    if not (file.parent / "..data").exists():
        return
    names = sorted(each.name for each in file.parent.iterdir() if each.name[:2] != "..")
    if names:
        shown = ", ".join(names)[:80]
        raise JoinFailed(f"the join Secret has no key {file.name}; its keys: {shown}")


class Joined(msgspec.Struct, frozen=True):
    """What a redeemed token brings; a hub of before 0.2 shows no key."""

    cluster_id: str
    hub_keys: tuple[hub_key.HubKey, ...] = ()


class Joiner:
    """Turns an invitation into a membership, once; a crash anywhere is safe."""

    def __init__(
        self,
        kubernetes: Kubernetes,
        join_file: Path | None,
        version: str,
        proxies: Proxies = DIRECT,
    ) -> None:
        self.trust = Trust(kubernetes)
        self.refused: tuple[str, str] | None = None
        """The id of the token that was last used in vain, and why."""
        self.went_by: Invitation | None = None
        """What the join Secret said when ``member`` last read it; it may say another by now."""
        self._kubernetes = kubernetes
        self._keyring = Keyring(kubernetes)
        self._join_file = join_file
        self._version = version
        self._proxies = proxies

    def invited(self) -> Invitation | None:
        """What the join Secret says now; None when there is none that can be used."""
        try:
            return invitation(self._join_file)
        except JoinFailed:
            return None

    async def member(self) -> Member:
        """Who we are. JoinFailed, CallFailed, KubernetesError or SecretChanged: try again."""
        kept = await self._keyring.load()
        try:
            invited = invitation(self._join_file)
        except JoinFailed as failure:
            invited = None
            if kept.member is None:
                raise
            log.warning("%s; going on as the cluster that joined before", failure)
        self.went_by = invited
        if kept.member is not None and invited is None:
            return kept.member
        if kept.member is not None and invited is not None and invited.token_id == kept.token_id:
            return await self._follow(kept.member, invited)
        if invited is None:
            raise JoinFailed(
                "not joined yet: there is no join Secret; get one on the Clusters page and apply it"
            )
        return await self._join(kept, invited)

    async def _follow(self, member: Member, invited: Invitation) -> Member:
        """The same member, where the same invitation now says the control plane is."""
        if (member.server, member.ca_pem) == (invited.server, invited.ca_pem):
            return member
        moved = replace(member, server=invited.server, ca_pem=invited.ca_pem)
        await self._keyring.save_member(moved, invited.token_id)
        log.info("the control plane is at %s now", moved.server)
        return moved

    async def _join(self, kept: Kept, invited: Invitation) -> Member:
        key = await self._key(kept)
        try:
            joined = await self._redeem(invited, key)
        except JoinFailed as failure:
            self.refused = (invited.token_id, str(failure))
            if kept.member is None:
                raise
            log.warning("%s Going on as the cluster that joined before.", failure)
            return kept.member
        self.refused = None
        # Before the membership: who has that needs no join, and would have no other trust.
        await self.trust.begin(joined.cluster_id, joined.hub_keys)
        member = Member(joined.cluster_id, invited.server, invited.ca_pem, key)
        await self._keyring.save_joined(member, invited.token_id)
        log.info("joined %s as cluster %s", invited.server, joined.cluster_id)
        return member

    async def _key(self, kept: Kept) -> PrivateKey:
        """The key to join by: a new one, for the former may have been taken back with reason."""
        if kept.member is None:
            key, save = kept.key, self._keyring.save_key
        else:
            key, save = kept.successor, self._keyring.save_successor
        if key is None:
            key = PrivateKey.generate()
            await save(key)
        return key

    async def _redeem(self, invited: Invitation, key: PrivateKey) -> Joined:
        body = {
            "token": invited.token,
            "public_key": key.public,
            "cluster_uid": await self._kubernetes.cluster_uid(),
            "version": self._version,
        }
        try:
            client = HttpClient(Origin.of(invited.server, invited.ca_pem, self._proxies))
        except ssl.SSLError:
            raise JoinFailed("the CA in the join Secret cannot be read") from None
        headers = {"content-type": "application/json"}
        call = Call("POST", JOIN_PATH, headers, json.dumps(body).encode())
        try:
            answer = await client.send(call, ANSWER_SECONDS)
        finally:
            client.close()
        if barred.barred(answer.status, answer.headers):
            raise CallFailed(f"{barred.words(answer.status)}. {barred.FIX}")
        if answer.status >= 500:
            raise CallFailed(f"the hub answered {answer.status}: {answer.detail or UNSAID}")
        if answer.status != 200:
            raise JoinFailed(answer.detail or UNSAID)
        return _joined(answer.body)


def _joined(body: bytes) -> Joined:
    try:
        joined = msgspec.json.decode(body, type=Joined)
        hub_key.checked(joined.hub_keys)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, IdentityError):
        joined = Joined("")
    if not _CLUSTER.fullmatch(joined.cluster_id):
        raise JoinFailed("the hub's answer cannot be read; is its address right?")
    return joined
