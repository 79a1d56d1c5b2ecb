from conftest_holds import place, shop

__all__ = ["place", "shop"]
