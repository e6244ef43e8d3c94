"""A length of time as people read it: one way for the API's sentences, the pages and the CLI's."""


def in_words(seconds: float) -> str:
    """In the one unit that matters: ``6 s``, ``4 min``, ``3.2 h``, ``12 d``.

    ``words`` in app.js does the same, for ages that tick.
    """
    seconds = max(0.0, seconds)
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} d"
