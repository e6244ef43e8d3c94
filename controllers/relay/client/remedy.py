"""What to do about each kind of trouble on the way to the control plane. Pure words."""

from controllers.relay.hub_place import Place
from controllers.relay.trouble import Trouble

OPEN = (
    "Let this cluster out to there: firewalls, NetworkPolicies and security groups on the way, or "
    "name the proxy that is the way out (chart value: relayClient.proxy.https)."
)
CLOCK = "Set the clocks of this cluster's nodes, as by NTP"
_FIXES = {
    Trouble.NAME: (
        "Make the name known to this cluster's DNS; or, where only a proxy knows it, name that "
        "(chart value: relayClient.proxy.https)."
    ),
    Trouble.REFUSED: (
        "Nothing listens there: is the control plane's edge up, and the port of its address right?"
    ),
    Trouble.SILENT: OPEN,
    Trouble.UNREACHABLE: OPEN,
    Trouble.NO_TLS: (
        "That port does not speak TLS, but perhaps plain HTTP: have the address of the control "
        "plane name the port of https (expose.host there), and make a new join Secret."
    ),
    Trouble.CUT_TLS: (
        "A firewall that inspects TLS may cut it: have it let this host pass; or the edge there "
        "has no certificate for this name: see its log."
    ),
    Trouble.EXPIRED: f"Renew the certificate of the control plane's edge. {CLOCK}, if it is that.",
    Trouble.NOT_YET: f"{CLOCK}: they, or those of who made the certificate, are wrong.",
    Trouble.OTHER_NAME: (
        "Use the name that the certificate is for (expose.host of the control plane, then a new "
        "join Secret), or have the certificate of its edge name this one."
    ),
    Trouble.PROXY: "Correct the address of the proxy, or start it (relayClient.proxy.https).",
    Trouble.PROXY_SIGN_IN: (
        "Put the proxy's URL with user and password into a Secret, and name that in the chart "
        "value relayClient.proxy.existingSecret."
    ),
    Trouble.PROXY_FORBIDS: (
        "Have the proxy allow CONNECT to that host and port, or reach the control plane without "
        "it (chart value: relayClient.proxy.noProxy)."
    ),
}


def remedy(kind: Trouble, place: Place) -> str:
    """In a sentence or two, for who administers this cluster."""
    if kind is Trouble.UNTRUSTED:
        if place.ca_pem:
            return (
                "The CA of the join Secret is not the one that signed it: make a new join Secret. "
                "If a proxy opens TLS on the way, have it let this host pass."
            )
        return (
            "A private CA signed it, and the join Secret names none: put that CA into the Secret "
            "that expose.caSecret of the control plane names, and make a new join Secret."
        )
    return _FIXES.get(kind, OPEN)
