"""What can go wrong; each message says what to do next."""


class ImageError(Exception):
    """An image cannot be had; the text is meant for the person at the terminal."""
