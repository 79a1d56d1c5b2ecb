-- As long as an application is kept, its vacancy is: one that is never decided has no term, and is told of as undated.
SELECT v.vacancy_id, v.title, v.opened_on, v.closed_on,
       CASE WHEN EXISTS (SELECT 1 FROM applications AS a WHERE a.vacancy_id = v.vacancy_id) THEN NULL ELSE v.closed_on
       END AS term_starts
FROM vacancies AS v
