"""Semantic segmentation: which class does each pixel have?"""
