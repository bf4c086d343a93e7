"""Arrays in, numbers out: distances, ranks, CMC, mAP and mINP. Knows no plugin, file or model.

Letters in shapes: Q queries, G gallery images, V views, D dimensions.
"""
