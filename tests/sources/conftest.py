from conftest_sources import shop

__all__ = ["shop"]
