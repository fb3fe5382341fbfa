"""Every test of the frame may pretend that distributions are installed."""

from olmoearth_core.testing.install import install

__all__ = ["install"]
