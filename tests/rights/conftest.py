from conftest_letters import books
from conftest_rights import office

__all__ = ["books", "office"]
