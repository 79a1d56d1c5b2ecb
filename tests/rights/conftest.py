from conftest_rights import office

__all__ = ["office"]
