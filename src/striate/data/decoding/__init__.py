"""Decoding: one image, from the bytes of a stranger's file to pixels on the canvas, safely."""
