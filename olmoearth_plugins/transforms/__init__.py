"""What changes the pixels of a batch before it is masked."""
