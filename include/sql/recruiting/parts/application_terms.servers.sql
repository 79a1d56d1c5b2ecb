-- When the two weeks begin, for each application. For PostgreSQL and MariaDB, whose columns have types.
WITH consented AS (
  -- The last day of a consent. It counts when it was asked for and given after the written rejection: the statement
  -- promises no other. No answer is no consent. Without an end it lasts a year, one of 29 February until the 28th begins
  -- (a month's last day is as far as INTERVAL goes); one that ends sooner than the two weeks shortens them not. A
  -- withdrawal, or a no to a later question, ends every consent given before it, on the day after it: the first night's
  -- run that can know.
  SELECT c.application_id,
         LEAST(GREATEST(COALESCE(c.ends_on, CAST(CAST(c.answered_at + INTERVAL '12' MONTH AS DATE) - INTERVAL '1' DAY AS DATE)),
                        CAST(a.rejected_at + INTERVAL '13' DAY AS DATE)),
               COALESCE((SELECT MIN(CAST(w.ended_at + INTERVAL '1' DAY AS DATE))
                         FROM (SELECT application_id, withdrawn_at AS ended_at FROM consents
                               UNION ALL SELECT application_id, answered_at FROM consents WHERE NOT given) AS w
                         WHERE w.application_id = c.application_id AND w.ended_at >= c.answered_at),
                        DATE '9999-12-31')
         ) AS last_day
  FROM consents AS c
  JOIN applications AS a ON a.application_id = c.application_id
  WHERE c.given AND c.asked_at >= a.rejected_at AND c.answered_at >= a.rejected_at
),
decisions AS (
  -- Hired, unless the application was rejected in writing after that: then nobody was, and the rejection counts.
  SELECT application_id, applicant_id, hired_at IS NOT NULL AND decided_at = hired_at AS hired, decided_at
  FROM (SELECT application_id, applicant_id, hired_at,
               CASE WHEN hired_at IS NULL OR rejected_at > hired_at THEN rejected_at ELSE hired_at END AS decided_at
        FROM applications) AS d
),
terms AS (
  -- Hired: two weeks from then for what did not move to the personnel file. Never rejected in writing: NULL, so it never
  -- falls due by itself and is reported. With a consent: 13 days before its last day, so that the term of 14 whole days
  -- ends at the midnight that closes that day. That needs no clock in the SQL, and NULL (not started) would hide for
  -- good that an ended consent is due.
  SELECT d.application_id, d.applicant_id,
         CASE WHEN d.hired THEN d.decided_at
              ELSE COALESCE((SELECT MAX(c.last_day) - INTERVAL '13' DAY + INTERVAL '12' HOUR FROM consented AS c
                             WHERE c.application_id = d.application_id), d.decided_at)
         END AS starts
  FROM decisions AS d
)
