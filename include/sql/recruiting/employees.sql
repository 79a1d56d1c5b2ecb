SELECT employee_no, applicant_id, name, email, work_email, phone, birth_date, iban, job, salary, started_on, ended_on
FROM employees
