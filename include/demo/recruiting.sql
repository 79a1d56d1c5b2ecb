-- The demo shop's recruiting database. Times are UTC; days are days.
-- AUTOINCREMENT: the number of an applicant who is gone stands on in a personnel file, and names a folder; SQLite would
-- give the highest one away again, and the newcomer would be taken for the other.
CREATE TABLE vacancies (vacancy_id INTEGER PRIMARY KEY, title TEXT NOT NULL, opened_on TEXT NOT NULL, closed_on TEXT);
CREATE TABLE applicants (
  applicant_id INTEGER PRIMARY KEY AUTOINCREMENT, first_name TEXT, last_name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT,
  address TEXT, birth_date TEXT, created_at TEXT NOT NULL
);
CREATE TABLE applications (
  application_id INTEGER PRIMARY KEY AUTOINCREMENT, applicant_id INTEGER NOT NULL REFERENCES applicants,
  vacancy_id INTEGER REFERENCES vacancies, channel TEXT NOT NULL, applied_at TEXT NOT NULL, motivation TEXT,
  salary_wish TEXT, rejected_at TEXT, hired_at TEXT, staff_notes TEXT
);
CREATE TABLE consents (
  consent_id INTEGER PRIMARY KEY, applicant_id INTEGER NOT NULL REFERENCES applicants,
  application_id INTEGER NOT NULL REFERENCES applications, asked_at TEXT NOT NULL, answered_at TEXT, given INTEGER,
  ends_on TEXT, withdrawn_at TEXT, wording TEXT NOT NULL
);
CREATE TABLE documents (
  document_id INTEGER PRIMARY KEY, application_id INTEGER NOT NULL REFERENCES applications, kind TEXT NOT NULL,
  file TEXT NOT NULL, received_at TEXT NOT NULL
);
-- No reference to the applicant: that row goes two weeks after hiring, the number may stay.
CREATE TABLE employees (
  employee_no INTEGER PRIMARY KEY, applicant_id INTEGER, name TEXT NOT NULL, email TEXT, work_email TEXT, phone TEXT,
  birth_date TEXT, iban TEXT, job TEXT NOT NULL, salary TEXT, started_on TEXT NOT NULL, ended_on TEXT
);
CREATE INDEX applicants_email ON applicants (email);
CREATE INDEX applications_applicant ON applications (applicant_id);
CREATE INDEX consents_applicant ON consents (applicant_id);
CREATE INDEX consents_application ON consents (application_id);
CREATE INDEX documents_application ON documents (application_id);
CREATE INDEX employees_email ON employees (email);
CREATE INDEX employees_applicant ON employees (applicant_id);
