"""The Airflow side: connections, the steps as tasks, the embedded Airflow, progress. Nothing else imports Airflow."""
