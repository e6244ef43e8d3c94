"""Where to go after signing in: a page of ours, or home."""

from urllib.parse import urlsplit

HOME = "/"


def next_page(wanted: str | None) -> str:
    """``wanted`` if every browser takes it for a path of this origin, else the first page."""
    if not wanted or len(wanted) > 2000 or not wanted.startswith("/"):
        return HOME
    # Browsers read a backslash as a slash and drop tabs and newlines before they look.
    if "\\" in wanted or any(ord(char) <= 0x20 or ord(char) >= 0x7F for char in wanted):
        return HOME
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return HOME
    if parts.scheme or parts.netloc or wanted.startswith("//") or parts.path.startswith("/auth/"):
        return HOME
    return wanted
