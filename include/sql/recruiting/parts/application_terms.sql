-- When the two weeks begin, for each application.
WITH consented AS (
  -- The last day of a consent. It counts when it was asked for and given after the written rejection: the statement
  -- promises no other. No answer is no consent. Without an end that can be read it lasts a year, one of 29 February until
  -- the 28th begins (SQLite would make 1 March of it); one that ends sooner than the two weeks shortens them not. A
  -- withdrawal, or a no to a later question, ends every consent given before it, on the day after it: the first night's
  -- run that can know. Moments are compared as moments: +01:00 and Z may stand side by side.
  SELECT c.application_id,
         MIN(MAX(COALESCE(date(c.ends_on),
                          date(MIN(date(c.answered_at, '+12 months'),
                                   date(c.answered_at, 'start of month', '+13 months', '-1 day')), '-1 day')),
                 date(a.rejected_at, '+13 days')),
             COALESCE((SELECT MIN(date(w.ended_at, '+1 day'))
                       FROM (SELECT application_id, withdrawn_at AS ended_at FROM consents
                             UNION ALL SELECT application_id, answered_at FROM consents WHERE given = 0) AS w
                       WHERE w.application_id = c.application_id AND julianday(w.ended_at) >= julianday(c.answered_at)),
                      '9999-12-31')
         ) AS last_day
  FROM consents AS c
  JOIN applications AS a ON a.application_id = c.application_id
  WHERE c.given = 1 AND julianday(c.asked_at) >= julianday(a.rejected_at)
    AND julianday(c.answered_at) >= julianday(a.rejected_at)
),
decisions AS (
  -- Hired, unless the application was rejected in writing after that: then nobody was, and the rejection counts.
  SELECT application_id, applicant_id, hired_at IS NOT NULL AND decided_at IS hired_at AS hired, decided_at
  FROM (SELECT application_id, applicant_id, hired_at,
               CASE WHEN hired_at IS NULL OR julianday(rejected_at) > julianday(hired_at) THEN rejected_at
                    ELSE hired_at END AS decided_at
        FROM applications) AS d
),
terms AS (
  -- Hired: two weeks from then for what did not move to the personnel file. Never rejected in writing: NULL, so it never
  -- falls due by itself and is reported. With a consent: 13 days before its last day, so that the term of 14 whole days
  -- ends at the midnight that closes that day. That needs no clock in the SQL, and NULL (not started) would hide for
  -- good that an ended consent is due.
  SELECT d.application_id, d.applicant_id,
         CASE WHEN d.hired THEN d.decided_at
              ELSE COALESCE((SELECT strftime('%Y-%m-%dT12:00:00Z', MAX(c.last_day), '-13 days') FROM consented AS c
                             WHERE c.application_id = d.application_id), d.decided_at)
         END AS starts
  FROM decisions AS d
)
