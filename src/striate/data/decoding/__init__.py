"""Decoding: one image, from the bytes of an untrusted file to pixels on the canvas, safely."""
