"""The privacy desk: the page "Privacy" in Airflow's own UI, from which operators do their day (ADR 22).

:mod:`privacy.desk.mounted` is what the plugin gives to Airflow; it loads the rest when somebody first opens a page, so
that tasks, which load the plugin too, pay nothing for it.
"""
