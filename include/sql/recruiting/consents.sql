-- part: application_terms
-- The proof of a consent is needed as long as what was kept because of it. One whose application is gone has no start, and
-- is reported; leaving it out here would hide it.
SELECT c.consent_id, c.applicant_id, c.application_id, c.asked_at, c.answered_at, c.given, c.ends_on, c.withdrawn_at,
       c.wording, t.starts AS term_starts
FROM consents AS c
LEFT JOIN terms AS t ON t.application_id = c.application_id
