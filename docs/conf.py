"""How the documentation is built: Sphinx, MyST, furo; nothing is fetched while reading."""

project = "Neurox"
author = "The Neurox authors"
copyright = "2026, The Neurox authors"
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
html_theme = "furo"
html_title = "Neurox"
html_copy_source = False
html_show_sphinx = False
