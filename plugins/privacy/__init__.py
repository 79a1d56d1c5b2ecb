"""Privacy pipelines: everything a shop holds on a person, and every term it promised, with proof.

The library behind the DAGs. It knows no shop: what a shop holds, promises and calls things stands in
``PRIVACY_HOME`` (the ``include/`` folder), as a data map, a policy and SQL files.
"""
