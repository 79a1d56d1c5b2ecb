-- part: application_terms
SELECT a.application_id, a.applicant_id, a.vacancy_id, v.title AS vacancy, a.channel, a.applied_at, a.motivation,
       a.salary_wish, a.rejected_at, a.hired_at, a.staff_notes, t.starts AS term_starts
FROM applications AS a
JOIN terms AS t ON t.application_id = a.application_id
LEFT JOIN vacancies AS v ON v.vacancy_id = a.vacancy_id
