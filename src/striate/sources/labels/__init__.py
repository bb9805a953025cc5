"""What the labels in cells and arrays mean: classes, sets of classes, or numbers."""
