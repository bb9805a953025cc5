"""Classification: which one of the classes is in the image?"""
