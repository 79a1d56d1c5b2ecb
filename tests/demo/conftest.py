from conftest_demo import made

__all__ = ["made"]
