"""From assets to the manifest: data, networks, losses, loop, export. The only part that imports torch."""
