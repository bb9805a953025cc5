"""Annotations beside images: COCO, Pascal VOC, YOLO, and masks."""
