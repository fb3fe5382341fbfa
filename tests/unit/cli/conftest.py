from olmoearth_core.testing.install import install

__all__ = ["install"]
