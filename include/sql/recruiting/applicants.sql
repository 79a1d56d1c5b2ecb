-- part: application_terms
-- An applicant goes with the last of their applications: not while one of them has no start that can be read. One without
-- any is left of a run that was killed after the applications, or never finished the form: two weeks from their arrival,
-- or they would stay for ever, and their mail with them.
SELECT p.applicant_id, p.first_name, p.last_name, p.email, p.phone, p.address, p.birth_date, p.created_at,
       (SELECT CASE WHEN COUNT(*) = 0 THEN p.created_at
                    WHEN COUNT(*) = COUNT(julianday(t.starts)) THEN MAX(t.starts) END
        FROM terms AS t WHERE t.applicant_id = p.applicant_id) AS term_starts
FROM applicants AS p
