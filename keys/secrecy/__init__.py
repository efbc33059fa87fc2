"""What is sealed, under which key of the ring, and what stands for a secret where it may not be shown."""
