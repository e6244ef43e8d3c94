"""The control plane's side: accepts links, opens streams through them, takes metrics in."""
