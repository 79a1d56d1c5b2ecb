from conftest_airflow import live

__all__ = ["live"]
