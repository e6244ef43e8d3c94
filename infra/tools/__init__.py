"""The real servers, built from pinned source."""
