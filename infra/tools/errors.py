"""What can go wrong while tools are made; each message says what to do next."""


class ToolError(Exception):
    """A tool cannot be had; the text is meant for the person at the terminal."""


class UnknownTool(ToolError):
    """No tool of that name is in the catalogue."""
