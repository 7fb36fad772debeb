"""LongMem (arXiv 2306.07174): a bank of one layer's keys and values, and a side network that reads it."""
