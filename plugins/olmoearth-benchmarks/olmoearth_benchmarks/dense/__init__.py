"""What benchmarks with a label per pixel share: tensor files, published files, and lazily read samples."""
