"""Files of strangers: a walk through folders, which files are images, and text and JSON with limits."""
