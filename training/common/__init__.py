"""What the training of every memory shares: the backbone, texts, checkpoints, curves and the file that is shipped."""
