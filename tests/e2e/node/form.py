"""A form of a page, as a browser without JavaScript has it."""

from html.parser import HTMLParser


class Form(HTMLParser):
    """The values that would be sent if only a button were pressed, and what may be chosen."""

    def __init__(self, page: str, action: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self._action, self._inside, self._select = action, False, ""
        self.feed(page)
        assert self.values, f"the page has no form that is sent to {action}"

    def filled(self, **typed: str) -> dict[str, str]:
        """With these fields filled in; one that is not there cannot be."""
        assert set(typed) <= set(self.values), f"not on the form: {set(typed) - set(self.values)}"
        for name, value in typed.items():
            assert value in self.choices.get(name, [value]), f"{name} does not offer {value}"
        return {**self.values, **typed}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("action") == self._action and given.get("method") == "post"
        elif self._inside and tag == "input":
            self.values[given["name"]] = given.get("value", "")
        elif self._inside and tag == "select":
            self._select = given["name"]
            self.values[self._select], self.choices[self._select] = "", []
        elif self._inside and tag == "option":
            self.choices[self._select].append(given.get("value", ""))
            if "selected" in given:
                self.values[self._select] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
