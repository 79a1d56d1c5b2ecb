-- When the two weeks begin, for each application. The same lines stand in applicants, applications, consents and
-- documents (a test holds them alike); they are written for SQLite, another database takes a <dataset>.<dialect>.sql.
WITH consented AS (
  -- The last day of a consent. It counts when it was asked for and given after the written rejection: the statement
  -- promises no other. No answer is no consent. Without an end it lasts a year, one of 29 February until the 28th begins
  -- (SQLite would make 1 March of it). A withdrawal ends every consent given before it, on the day after it: the first
  -- night's run that can know.
  SELECT c.application_id,
         MIN(COALESCE(c.ends_on, date(MIN(date(c.answered_at, '+12 months'),
                                          date(c.answered_at, 'start of month', '+13 months', '-1 day')), '-1 day')),
             COALESCE((SELECT MIN(date(w.withdrawn_at, '+1 day')) FROM consents AS w
                       WHERE w.application_id = c.application_id AND w.withdrawn_at >= c.answered_at), '9999-12-31')
         ) AS last_day
  FROM consents AS c
  JOIN applications AS a ON a.application_id = c.application_id
  WHERE c.given = 1 AND c.asked_at >= a.rejected_at AND c.answered_at >= a.rejected_at
),
terms AS (
  -- Hired: two weeks from then for what did not move to the personnel file. Never rejected in writing: NULL, so it never
  -- falls due by itself and is reported. With a consent: 13 days before its last day, so that the term of 14 whole days
  -- ends at the midnight that closes that day. That needs no clock in the SQL, and NULL (not started) would hide for
  -- good that an ended consent is due.
  SELECT a.application_id, a.applicant_id,
         CASE WHEN a.hired_at IS NOT NULL THEN a.hired_at
              WHEN a.rejected_at IS NOT NULL THEN COALESCE(
                (SELECT strftime('%Y-%m-%dT12:00:00Z', MAX(c.last_day), '-13 days') FROM consented AS c
                 WHERE c.application_id = a.application_id), a.rejected_at)
         END AS starts
  FROM applications AS a
)
-- The proof of a consent is needed as long as what was kept because of it.
SELECT c.consent_id, c.applicant_id, c.application_id, c.asked_at, c.answered_at, c.given, c.ends_on, c.withdrawn_at,
       c.wording, t.starts AS term_starts
FROM consents AS c
JOIN terms AS t ON t.application_id = c.application_id
