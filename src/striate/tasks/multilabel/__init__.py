"""Several labels: which of the classes are in the image?"""
