"""The demo shop: all that a made-up jeweller holds on people, and the sheet that says whose each record is.

Nothing here imports the code under test. Every record is born with its owner; ``answers.json`` is written from that.
"""

from demo.build import TODAY, About, make
from demo.sizes import SIZES, Size

__all__ = ["SIZES", "TODAY", "About", "Size", "make"]
