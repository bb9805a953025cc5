"""Regression: which numbers belong to the image?"""
