"""The JSON API under /api/v1: one blueprint a noun."""

# Before any view is declared: APIFlask chooses how to read a body when the decorator runs.
from portal.api import body as body
