"""Infini-attention (arXiv 2404.07143) on a frozen backbone: its memory, the data that teaches it, training and evaluation."""
