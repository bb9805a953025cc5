"""Decoding: one picture, from the bytes of a stranger's file to pixels on the canvas, safely."""
