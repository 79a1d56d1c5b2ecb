SELECT vacancy_id, title, opened_on, closed_on
FROM vacancies
