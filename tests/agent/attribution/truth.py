"""What is true of a GPU whose pods and processes are known: by pod, for a second of its load."""

from collections import Counter
from dataclasses import dataclass

from agent.pods import Pod
from tests.agent.attribution.cards import HOST, IDLE_WATTS, LOADED_WATTS, MIB, MPS, SLICES, Card


@dataclass(frozen=True)
class Truth:
    """Memory in bytes, for good; HOST's is what no pod explains."""

    method: str
    memory: Counter[Pod]
    busy: Counter[Pod] | None
    """None: no driver tells it."""
    energy: Counter[Pod]


def truth(card: Card) -> Truth:
    memory = Counter({HOST: 7 * MIB})
    for work in card.works:
        memory[work.pod] += work.memory
    watts = LOADED_WATTS if card.busy else IDLE_WATTS
    if card.gis and card.profile == "a100":
        return Truth("mig_slices", memory, None, _by_slices(card, watts))
    pods = {*card.given, *(work.pod for work in card.works)}
    if len(pods) == 1 and HOST not in pods and not card.gis:  # all is its own
        [sole] = pods
        return Truth("exclusive", memory, Counter({sole: card.busy}), Counter({sole: watts}))
    clients = any(work.how == MPS for work in card.works)
    share = _by_clients(card) if clients else _by_work(card)
    bearer = card.given[0] if len(card.given) == 1 and not card.gis else HOST
    energy = Counter({bearer: IDLE_WATTS})
    for pod, part in share.items():
        energy[pod] += (watts - IDLE_WATTS) * part / card.busy if card.busy else 0.0
    method = "mig_activity" if card.gis else "mps_estimate" if clients else "sm_share"
    return Truth(method, memory, share, energy)


def _by_work(card: Card) -> Counter[Pod]:
    share = Counter({HOST: card.other})
    for work in card.works:
        share[work.pod] += work.share
    return share


def _by_clients(card: Card) -> Counter[Pod]:
    """As documented: in proportion to their memory, all that the other processes did not do."""
    share: Counter[Pod] = Counter()
    clients = [work for work in card.works if work.how == MPS]
    done = card.other + sum(work.share for work in clients)
    for work in card.works:
        part = work.memory / sum(one.memory for one in clients)
        share[work.pod] += done * part if work in clients else work.share
    return share


def _by_slices(card: Card, watts: float) -> Counter[Pod]:
    """Each instance's are those of who works there, else of who was given it."""
    owners = dict(zip(card.gis, card.given, strict=True)) | {
        work.gi: work.pod for work in card.works
    }
    energy: Counter[Pod] = Counter()
    for gi, slices in SLICES.items():
        energy[owners.get(gi, HOST)] += watts * slices / 7
    return energy
