"""Attention kernels over packed tokens."""
